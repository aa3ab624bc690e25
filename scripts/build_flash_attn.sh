#!/bin/sh
# build_flash_attn.sh VERSION FOLDER: a wheel of flash-attn for the installed PyTorch, by nvcc of NVIDIA's wheels.
# MAX_JOBS compilers run at a time, each with NVCC_THREADS threads and up to 8 GB of memory.
# FLASH_ATTN_CUDA_ARCHS: the GPUs' compute capabilities without the dot, separated by ";".
set -eu
version=$1
folder=$2
cuda=$(python -c 'import torch; print(torch.version.cuda)')
CUDA_HOME=$(sh "$(dirname "$0")/install_nvcc.sh" "$cuda")
export CUDA_HOME
export FLASH_ATTENTION_FORCE_BUILD=TRUE # else its setup looks for a binary on GitHub first
pip install ninja packaging psutil setuptools wheel
pip wheel --no-deps --no-build-isolation --wheel-dir "$folder" "flash-attn==$version"
