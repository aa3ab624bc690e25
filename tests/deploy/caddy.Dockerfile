# What `caddy:2` is to docker-compose.yml, from Debian's packages.
FROM debian:12-slim
# hadolint ignore=DL3008,DL3009
RUN apt-get update && apt-get install --yes --no-install-recommends caddy libcap2-bin wget \
    && setcap cap_net_bind_service=+ep /usr/bin/caddy
VOLUME ["/config", "/data"]
