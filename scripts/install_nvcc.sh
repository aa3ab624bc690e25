#!/bin/sh
# install_nvcc.sh CUDA: NVIDIA's compiler from its wheels, for example of CUDA 13.0. Prints its CUDA_HOME.
set -eu
cuda=$1
# All of one version: pip would take newer ones of nvcc's own dependencies, whose code its assembler refuses.
pip install --quiet "nvidia-cuda-nvcc==$cuda.*" "nvidia-nvvm==$cuda.*" "nvidia-cuda-crt==$cuda.*" \
    "nvidia-cuda-cccl==$cuda.*" "nvidia-cuda-runtime==$cuda.*" >&2
home=$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/nvidia/cu${cuda%%.*}
# The linker looks for libNAME.so in lib64; wheels have libNAME.so.N in lib only.
ln -sfn lib "$home/lib64"
for library in "$home"/lib/*.so.*; do
    ln -sf "${library##*/}" "${library%%.so.*}.so"
done
echo "$home"
