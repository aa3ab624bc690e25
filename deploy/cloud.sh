#!/bin/sh
# Sets up a fresh Ubuntu 22.04 or 24.04 machine with an NVIDIA GPU, step by step. docs/cloud.md describes the steps.
#
#   sh deploy/cloud.sh check [STEP...]     the steps' checks, which change nothing; exit code 1 if one fails
#   sh deploy/cloud.sh install [STEP...]   carries out each step whose check fails, and checks again; as root
#   sh deploy/cloud.sh dry-run [STEP...]   prints the commands of the steps whose checks fail
#
# LIPAR_DOMAIN (required the first time), LIPAR_TLS, LIPAR_PUBLIC_IP, LIPAR_PRESET are written to .env.
# shellcheck disable=SC2329 # the steps' functions are called by name
set -eu
cd "$(dirname "$0")/.."
steps="system driver docker toolkit settings dns firewall image weights start turn"
min_driver=580 # of CUDA 13, which PyTorch's wheels contain
min_gpu_mib=15000
min_disk_gib=60 # image, build cache and checkpoints
min_compose=2.24
toolkit_repository=https://nvidia.github.io/libnvidia-container
keyring=/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
apt_list=/etc/apt/sources.list.d/nvidia-container-toolkit.list
start_timeout_s=${LIPAR_START_TIMEOUT_S:-900}

# Each check sets `found`: what is there, or what to do.

check_system() {
    release=$(sed -n 's/^\(ID\|VERSION_ID\)=//p' /etc/os-release | tr -d '"' | sort -r | tr '\n' ' ')
    free_gib=$(df --output=avail --block-size=1G . | tail -n 1 | tr -d ' ')
    found="$release($(uname -m)), $free_gib GiB free"
    case "$release" in
    "ubuntu 22.04 " | "ubuntu 24.04 ") ;;
    *) found="$found: these steps are for Ubuntu 22.04 and 24.04"; return 1 ;;
    esac
    [ "$(uname -m)" = x86_64 ] || { found="$found: needs x86_64"; return 1; }
    [ "$free_gib" -ge "$min_disk_gib" ] || { found="$found: needs $min_disk_gib GiB"; return 1; }
}

check_driver() {
    if ! gpu=$(nvidia-smi --query-gpu=driver_version,memory.total,name --format=csv,noheader,nounits 2>&1); then
        found="no NVIDIA driver: nvidia-smi does not run"
        return 1
    fi
    gpu=$(echo "$gpu" | head -n 1)
    found=$gpu
    driver=${gpu%%.*}
    memory=$(echo "$gpu" | cut -d , -f 2 | tr -d ' ')
    if [ "$driver" -lt "$min_driver" ]; then
        found="$found: needs driver $min_driver, or TORCH_CUDA_INDEX (docs/deployment.md)"
        return 1
    fi
    [ "$memory" -ge "$min_gpu_mib" ] || { found="$found: needs 16 GB of GPU memory"; return 1; }
}

check_docker() {
    version=$(docker compose version --short 2>/dev/null) || { found="no Docker with Compose"; return 1; }
    version=${version#v}
    found="Compose $version"
    if [ "$(printf '%s\n' "$min_compose" "$version" | sort -V | head -n 1)" != "$min_compose" ]; then
        found="$found: needs $min_compose"
        return 1
    fi
    docker info >/dev/null 2>&1 || { found="$found: the daemon does not run, or this is not root"; return 1; }
}

check_toolkit() {
    if found=$(docker run --rm --gpus all debian:12-slim nvidia-smi -L 2>&1); then
        found="a container sees $(echo "$found" | grep -m 1 '^GPU')"
    else
        found="a container sees no GPU: $(echo "$found" | tail -n 1)"
        return 1
    fi
}

setting() {
    file=.env
    [ -f .env ] || file=.env.example
    sed -n "s/^$1=//p" "$file" | tail -n 1
}

check_settings() {
    [ -f .env ] || { found="no .env"; return 1; }
    for name in LIPAR_TOKEN LIPAR_TURN_SECRET LIPAR_DOMAIN; do
        [ -n "$(setting "$name")" ] || { found="$name is empty in .env"; return 1; }
    done
    [ "$(setting LIPAR_DOMAIN)" != localhost ] || { found="LIPAR_DOMAIN=localhost in .env: the public name"; return 1; }
    [ "$(stat -c %a .env)" = 600 ] || { found=".env is readable by others"; return 1; }
    found="$(setting LIPAR_DOMAIN), preset $(setting LIPAR_PRESET)"
}

resolved() { getent ahostsv4 "$1" | head -n 1 | cut -d ' ' -f 1; }

is_own_address() { hostname -I | tr ' ' '\n' | grep -qxF "$1"; }

check_dns() {
    domain=$(setting LIPAR_DOMAIN)
    public=$(setting LIPAR_PUBLIC_IP)
    address=$(resolved "$domain")
    [ -n "$address" ] || { found="$domain has no address: add an A record"; return 1; }
    found="$domain is $address"
    if [ -n "$public" ]; then
        [ "$address" = "$public" ] || { found="$found, LIPAR_PUBLIC_IP is $public"; return 1; }
    elif ! is_own_address "$address"; then
        found="$found, which no interface has: behind a 1:1 NAT set LIPAR_PUBLIC_IP, else correct the A record"
        return 1
    fi
}

ports() {
    echo "80/tcp 443/tcp 3478/tcp 3478/udp $(setting LIPAR_UDP_PORTS | tr - :)/udp $(setting LIPAR_RELAY_PORTS | tr - :)/udp"
}

check_firewall() {
    if ! rules=$(ufw status 2>/dev/null) || ! echo "$rules" | grep -q '^Status: active'; then
        found="ufw is off; at the provider open $(ports)"
        return 0
    fi
    for port in $(ports); do
        echo "$rules" | grep -q "^$port  *ALLOW" || { found="ufw blocks $port"; return 1; }
    done
    found="ufw allows $(ports); open them at the provider too"
}

check_image() {
    docker image inspect lipar-live:cuda >/dev/null 2>&1 || { found="the image is not built"; return 1; }
    found=lipar-live:cuda
}

check_weights() {
    preset=$(setting LIPAR_PRESET)
    found="preset $preset"
    [ "$preset" != tiny ] || return 0
    docker compose run --rm lipar models verify "$preset" >/dev/null 2>&1 || { found="$found: incomplete"; return 1; }
}

check_start() {
    domain=$(setting LIPAR_DOMAIN)
    insecure=
    [ "$(setting LIPAR_TLS)" != internal ] || insecure=--insecure # of Caddy's own authority
    found="https://$domain$(setting LIPAR_BASE_PATH)/readyz"
    # shellcheck disable=SC2086 # empty, or one word
    curl --silent --fail --max-time 10 $insecure "$found" >/dev/null || { found="$found does not return 200"; return 1; }
}

check_turn() {
    # Other lines of the doctor may fail: the server that it runs beside uses the ports.
    found=$(docker compose exec -T lipar lipar doctor 2>/dev/null | grep 'turn login') || { found="no result"; return 1; }
    case "$found" in *"relay address allocated"*) ;; *) return 1 ;; esac
}

run() {
    echo "+ $*"
    [ "$mode" = dry-run ] || "$@" || { echo "fail  $step: \`$*\` ended with $?" >&2; exit 1; }
}

install_system() { echo "      nothing to carry out: choose another machine"; }

install_driver() {
    run apt-get update
    run apt-get install --yes ubuntu-drivers-common
    run ubuntu-drivers install
    echo "Reboot, then run this again."
    [ "$mode" = dry-run ] || exit 3
}

install_docker() {
    run apt-get update
    run apt-get install --yes docker.io docker-buildx docker-compose-v2
    run systemctl enable --now docker
}

install_toolkit() {
    run apt-get install --yes ca-certificates curl gpg
    run sh -c "curl -fsSL $toolkit_repository/gpgkey | gpg --dearmor --yes -o $keyring"
    run sh -c "echo 'deb [signed-by=$keyring] $toolkit_repository/stable/deb/amd64 /' > $apt_list"
    run apt-get update
    run apt-get install --yes nvidia-container-toolkit
    run nvidia-ctk runtime configure --runtime=docker
    run systemctl restart docker
}

write_setting() {
    case "$2" in *[!A-Za-z0-9._@/:-]*) echo "$1=$2: only letters, digits and . _ @ / : - are allowed" >&2; exit 2 ;; esac
    run sed -i "s|^#*$1=.*|$1=$2|" .env
}

install_settings() {
    [ -f .env ] || run cp .env.example .env
    run chmod 600 .env
    for name in LIPAR_TOKEN LIPAR_TURN_SECRET; do
        [ "$mode" != dry-run ] || { echo "+ $name=... (random) in .env"; continue; }
        [ -n "$(setting "$name")" ] || sed -i "s|^$name=.*|$name=$(openssl rand -hex 24)|" .env
    done
    for name in LIPAR_DOMAIN LIPAR_TLS LIPAR_PUBLIC_IP LIPAR_PRESET; do
        eval "value=\${$name:-}"
        [ -z "$value" ] || write_setting "$name" "$value"
    done
}

install_dns() { echo "      nothing to carry out: correct it at the provider of the domain"; }

install_firewall() {
    for port in $(ports); do
        run ufw allow "$port"
    done
}

install_image() { run docker compose build lipar; }

install_weights() { run docker compose run --rm lipar download "$(setting LIPAR_PRESET)"; }

install_start() {
    run docker compose up --detach
    waited_s=0
    until [ "$mode" = dry-run ] || check_start || [ "$waited_s" -ge "$start_timeout_s" ]; do
        sleep 5
        waited_s=$((waited_s + 5))
    done
}

install_turn() { run docker compose restart coturn lipar; }

carry_out() {
    if "check_$1"; then
        echo "ok    $1: $found"
        return
    fi
    echo "fail  $1: $found"
    if [ "$mode" = check ]; then
        failed=1
        return
    fi
    "install_$1"
    [ "$mode" != dry-run ] || return 0
    if ! "check_$1"; then
        echo "fail  $1: $found" >&2
        exit 1
    fi
    echo "ok    $1: $found"
}

mode=${1:-}
case "$mode" in check | install | dry-run) shift ;; *) sed -n '2,/shellcheck/s/^# \{0,1\}//p' "$0" | sed '$d' >&2; exit 2 ;; esac
[ $# -gt 0 ] || eval "set -- $steps"
failed=0
for step; do
    case " $steps " in *" $step "*) carry_out "$step" ;; *) echo "$step: no such step; there are $steps" >&2; exit 2 ;; esac
done
exit "$failed"
