# The bundle (Scripts/bundle.sh) built in an older distribution, so that it runs on machines with an older C library, or for arm64:
# Scripts/bundle-container.sh calls it. BASE decides what the machine's C library must offer, and LAB_GLIBC makes the build fail where
# the bundle needs more.
ARG BASE=swift:6.1-focal
FROM ${BASE} AS build
ARG LAB_GLIBC=2.31
ENV DEBIAN_FRONTEND=noninteractive
COPY Scripts/apt-packages.txt /tmp/
RUN apt-get update && apt-get install -y --no-install-recommends binutils clang python3 xz-utils $(grep -v '^#' /tmp/apt-packages.txt)
WORKDIR /lab
COPY . .
RUN LAB_GLIBC=${LAB_GLIBC} Scripts/bundle.sh

FROM scratch
COPY --from=build /lab/.build/bundle/lab /lab
