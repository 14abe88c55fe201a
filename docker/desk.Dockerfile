# A desk for machines with Docker and without Python 3.11: Debian with everything `make demo` and `make test` use.
FROM debian:bookworm
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        ca-certificates git make python3 python3-venv rabbitmq-server postgresql \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /desk
COPY . .
RUN make install
