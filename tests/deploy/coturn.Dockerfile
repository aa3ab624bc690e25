# What `coturn/coturn:4.6` is to docker-compose.yml, from Debian's packages: its user, and its program's capability.
FROM debian:12-slim
# hadolint ignore=DL3008,DL3009
RUN apt-get update && apt-get install --yes --no-install-recommends coturn hostname libcap2-bin \
    && setcap cap_net_bind_service=+ep /usr/bin/turnserver
VOLUME ["/var/lib/coturn"]
USER nobody:nogroup
