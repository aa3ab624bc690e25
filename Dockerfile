# For a machine with one GPU. PyTorch's wheels contain the CUDA libraries: the host needs the NVIDIA driver and container toolkit only.

FROM node:22-bookworm-slim AS web
WORKDIR /src/web_client
COPY web_client/package.json web_client/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web_client ./
RUN npm run build

FROM python:3.12-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/lipar
ENV PATH=/opt/lipar/bin:$PATH
WORKDIR /src
COPY constraints.txt ./
# A PyTorch index, for a driver too old for the default wheels or for a machine without a GPU (.../whl/cpu).
ARG TORCH_INDEX=
# The largest layer first: it changes only with constraints.txt.
RUN version="$(sed -n 's/^torch==//p' constraints.txt)" \
    && pip install --constraint constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} ${TORCH_INDEX:+--no-deps} "torch==$version"
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY configs configs
COPY lipar_core lipar_core
COPY lipar_video lipar_video
COPY lipar_eval lipar_eval
COPY lipar_cli lipar_cli
COPY server server
COPY --from=web /src/server/static server/static
RUN pip install --constraint constraints.txt .

FROM python:3.12-slim-bookworm
# Triton compiles its launchers with the system's C compiler when a kernel is first used.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 lipar \
    && install --directory --owner=lipar --group=lipar /weights
COPY --from=packages /opt/lipar /opt/lipar
COPY scripts/healthcheck.py /opt/lipar/healthcheck.py
ENV PATH=/opt/lipar/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LIPAR_WEIGHTS=/weights \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
USER 10001
WORKDIR /home/lipar
VOLUME /weights
# The page and its API; media goes over UDP (docs/deployment.md says which ports and how they are chosen).
EXPOSE 8000/tcp 40000-40100/udp
# The model may take minutes to load; /healthz responds as soon as the web process runs.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "/opt/lipar/healthcheck.py", "8000"]
# Pass LIPAR_TOKEN to the container (docker run -e LIPAR_TOKEN): the server refuses to start on this address without it.
ENTRYPOINT ["lipar"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--tls-cert", "/certs/cert.pem", "--tls-key", "/certs/key.pem"]
