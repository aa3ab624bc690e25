"""Every kernel compiles for GPUs that are not in this machine, and spills no registers to memory."""

import os
import subprocess
import sys

import pytest

from harness.local import ROOT
from lipar_core.kernels.operations import TRITON_OPERATIONS

pytest.importorskip("triton")


@pytest.mark.parametrize("capability", [89, *(pytest.param(other, marks=pytest.mark.soak) for other in (80, 90, 120))])
def test_kernels_compile_without_spills(capability):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks.kernels", str(capability)]
    table = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert table.returncode == 0, table.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.stdout.splitlines()[2:]]
    assert {row[0] for row in rows} == {operation.name for operation in TRITON_OPERATIONS}
    assert [row for row in rows if not row[-1].endswith("/ 0")] == []
