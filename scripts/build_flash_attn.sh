#!/bin/sh
# build_flash_attn.sh VERSION FOLDER: a wheel of flash-attn for the installed PyTorch, by nvcc of NVIDIA's wheels.
# MAX_JOBS compilers run at a time, each needs up to 8 GB of memory.
set -eu
version=$1
folder=$2
cuda=$(python -c 'import torch; print(torch.version.cuda)')
pip install "nvidia-cuda-nvcc==$cuda.*" "nvidia-cuda-cccl==$cuda.*" "nvidia-cuda-runtime==$cuda.*" \
    ninja packaging psutil setuptools wheel
CUDA_HOME=$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/nvidia/cu${cuda%%.*}
export CUDA_HOME
# The linker looks for libNAME.so in lib64; wheels have libNAME.so.N in lib only.
ln -sfn lib "$CUDA_HOME/lib64"
for library in "$CUDA_HOME"/lib/*.so.*; do
    ln -sf "${library##*/}" "${library%%.so.*}.so"
done
pip wheel --no-deps --no-build-isolation --wheel-dir "$folder" "flash-attn==$version"
