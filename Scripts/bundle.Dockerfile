# The bundle (Scripts/bundle.sh) built in an older distribution, so that it runs on machines with an older C library:
#
#     docker build -f Scripts/bundle.Dockerfile --build-arg BASE=swift:6.1-focal --output type=local,dest=.build/bundle .
#
# BASE decides what the machine's C library must offer, and LAB_GLIBC makes the build fail where the bundle needs more:
#     swift:6.1-focal          GLIBC 2.31: Ubuntu 20.04, Debian 11, JetPack 5, and everything newer
#     swift:6.1-jammy          GLIBC 2.35
#     swift:6.1-bookworm       GLIBC 2.36
# For Jetson Orin and Grace: --platform linux/arm64, on such a machine or with QEMU's binfmt handlers, under which the build takes hours.
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
