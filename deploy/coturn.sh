#!/bin/sh
# Starts coturn with credentials that expire. The secret goes to a file: arguments are visible to every local user.
# It relays to this machine only: a client cannot reach other machines of the server's network through it.
set -eu
umask 077
config=/tmp/turnserver.conf
cat > "$config" << END
listening-port=3478
realm=$LIPAR_DOMAIN
use-auth-secret
static-auth-secret=$LIPAR_TURN_SECRET
fingerprint
no-cli
no-tls
no-dtls
no-tcp-relay
no-multicast-peers
stale-nonce=600
min-port=${LIPAR_RELAY_PORTS%-*}
max-port=${LIPAR_RELAY_PORTS#*-}
pidfile=/tmp/turnserver.pid
userdb=/tmp/turndb
log-file=stdout
simple-log
denied-peer-ip=0.0.0.0-255.255.255.255
denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
END
for address in $(hostname -I) ${LIPAR_PUBLIC_IP:-}; do
    echo "allowed-peer-ip=$address" >> "$config"
done
if [ -n "${LIPAR_PUBLIC_IP:-}" ]; then
    echo "external-ip=$LIPAR_PUBLIC_IP" >> "$config"
fi
exec turnserver -c "$config"
