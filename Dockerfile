# lab in a container; the folder with specs, weights and results is mounted as /work:
#
#     docker build -t lab .
#     docker run --rm -v "$PWD:/work" lab run exp.json
#
# For NVIDIA cards, with the container toolkit of NVIDIA on the machine and the run-time compiler of CUDA in the image:
#
#     docker build -t lab-cuda --build-arg RUNTIME=nvidia/cuda:12.6.3-runtime-ubuntu24.04 .
#     docker run --rm --gpus all -v "$PWD:/work" lab-cuda run exp.json
ARG SWIFT=swift:6.1-bookworm
ARG RUNTIME=debian:bookworm-slim

FROM ${SWIFT} AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /src
COPY . .
RUN Scripts/container.sh build /image

FROM ${RUNTIME}
# Models of the Hub are downloaded by libcurl; OpenBLAS is one of the engines.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates libcurl4 libopenblas0-pthread && rm -rf /var/lib/apt/lists/*
COPY --from=build /image/usr/local /usr/local
RUN bash /usr/local/lib/lab/Scripts/container.sh check
WORKDIR /work
ENTRYPOINT ["lab"]
CMD ["--help"]
