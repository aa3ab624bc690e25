# What `prom/prometheus:v3.5.0` is to docker-compose.yml, from Debian's packages.
FROM debian:12-slim
# hadolint ignore=DL3008,DL3009
RUN apt-get update && apt-get install --yes --no-install-recommends prometheus wget \
    && install --directory --owner=nobody /prometheus
VOLUME ["/prometheus"]
USER nobody:nogroup
