# syntax=docker/dockerfile:1
# The image of every role: `serve` unless told otherwise. About 100 MB, no shell tools beside Debian's own, not root.

# The version of rust-toolchain.toml, which stays out: it would have rustup fetch what only checks need.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY config config
COPY migrations migrations
# The test and bench targets that Cargo.toml names need not be there to build the binary.
COPY tests tests
COPY README.md ./
RUN cargo build --release --locked --bin maestro-reports

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin maestro \
    && install -d -o maestro -g maestro -m 0750 /data
COPY --from=build /src/target/release/maestro-reports /usr/local/bin/maestro-reports

USER maestro
WORKDIR /data
VOLUME /data
# A workbook (xlsx) grows in a file without a name, some 3 kB a row, and /tmp is often memory.
ENV TMPDIR=/data \
    MAESTRO_DATA_DIR=/data \
    MAESTRO_HOST=0.0.0.0 \
    MAESTRO_PORT=5005 \
    MAESTRO_LOG_FORMAT=json
EXPOSE 5005

# Asks the process itself: at MAESTRO_METRICS_BIND where that is set, as worker and beat need it, else at the API.
HEALTHCHECK --interval=15s --timeout=6s --start-period=20s --retries=3 \
    CMD ["maestro-reports", "healthcheck"]
# SIGTERM lets running work end; give the container longer than MAESTRO_SHUTDOWN_SECONDS.
STOPSIGNAL SIGTERM
ENTRYPOINT ["maestro-reports"]
CMD ["serve"]
