"""The compiler of the `cuda-flash` target: NVIDIA's wheels compile CUDA C++ for the GPUs of flash-attn."""

from pathlib import Path

import pytest

from harness.local import ROOT
from harness.podman import Podman

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1200)]
IMAGE = "nvcc"
CUDA = "13.0"  # of the CUDA wheels of the pinned PyTorch
DOCKERFILE = """\
FROM debian:12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates g++ python3 python3-venv \\
    && python3 -m venv /opt/lipar
ENV PATH=/opt/lipar/bin:$PATH
COPY install_nvcc.sh program.cu /opt/
RUN CUDA_HOME=$(sh /opt/install_nvcc.sh CUDA_VERSION) \\
    && "$CUDA_HOME/bin/nvcc" -std=c++17 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 \\
    -shared -Xcompiler -fPIC -cudart shared -o /opt/program.so /opt/program.cu
"""
PROGRAM = """\
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <cub/block/block_reduce.cuh>

__global__ void twice(__nv_bfloat16 *x) { x[threadIdx.x] = __float2bfloat16(2.0f) * x[threadIdx.x]; }

extern "C" int run(__nv_bfloat16 *x) {
    twice<<<1, 32>>>(x);
    return cudaDeviceSynchronize();
}
"""


def test_nvcc_of_the_wheels_compiles_and_links(podman: Podman, package_mounts: list[str], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace("CUDA_VERSION", CUDA), encoding="utf-8")
    (tmp_path / "program.cu").write_text(PROGRAM, encoding="utf-8")
    script = (ROOT / "scripts" / "install_nvcc.sh").read_text(encoding="utf-8")
    (tmp_path / "install_nvcc.sh").write_text(script, encoding="utf-8")
    podman.build(tmp_path, IMAGE, *package_mounts)
    assert "sm_90" in podman("run", "--rm", IMAGE, "sh", "-ec", "strings -a /opt/program.so | grep -o 'sm_[0-9]*'")
