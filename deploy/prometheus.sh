#!/bin/sh
# Starts Prometheus for this machine only. The token goes to a file: Prometheus reads no environment variables.
set -eu
umask 077
printf '%s' "${LIPAR_METRICS_TOKEN:?set it in .env to another long random text}" > /tmp/metrics_token
exec prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus \
    --web.listen-address=127.0.0.1:9090
