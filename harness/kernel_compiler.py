"""Compiles Triton kernels for GPUs that are not there, and reads what the compiled code uses."""

import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

BINARIES = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
POINTERS = {
    torch.bool: "*i1",
    torch.uint8: "*u8",
    torch.int32: "*i32",
    torch.int64: "*i64",
    torch.float16: "*fp16",
    torch.bfloat16: "*bf16",
    torch.float32: "*fp32",
}
WARPS = 4  # Triton's default
ALIGNED = [["tt.divisibility", 16]]


@dataclass(frozen=True, slots=True)
class Launch:
    """A kernel with the arguments of one launch."""

    kernel: Any
    args: tuple[object, ...]
    constants: dict[str, object]

    def source(self) -> ASTSource:
        """What the compiler needs: pointers of PyTorch's allocator are aligned, numbers are not specialised."""
        params = self.kernel.params
        values = dict(zip((param.name for param in params), self.args, strict=False)) | self.constants
        constants = {param.name: values[param.name] for param in params if param.is_constexpr}
        pointers = {(i,): ALIGNED for i, param in enumerate(params) if isinstance(values[param.name], torch.Tensor)}
        types = {param.name: _type_of(values[param.name]) for param in params}
        return ASTSource(
            fn=self.kernel,
            signature=types | dict.fromkeys(constants, "constexpr"),
            constexprs=constants,
            attrs=pointers,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What one thread, or one program, of compiled code uses."""

    registers: int
    shared_bytes: int
    spilled_bytes: int


def launches_of(call: Callable[[], object], modules: set[Any]) -> list[Launch]:
    """The launches that `call` makes by `launch`, recorded instead of run."""
    recorded: list[Launch] = []

    def record(kernel: Any, _: object, *args: object, **constants: object) -> None:
        recorded.append(Launch(kernel, args, constants))

    patches = [mock.patch.object(module, "launch", record) for module in modules if hasattr(module, "launch")]
    for patch in patches:
        patch.start()
    try:
        call()
    finally:
        for patch in patches:
            patch.stop()
    return recorded


def compile_for(launch: Launch, capability: int) -> Usage:
    """Compile for a compute capability, such as 89, and assemble; raises what Triton or ptxas reports."""
    target = GPUTarget("cuda", capability, 32)
    compiled = triton.compile(
        launch.source(), target=target, options={"num_warps": launch.constants.get("num_warps", WARPS)}
    )
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as ptx:
        ptx.write(compiled.asm["ptx"])
        ptx.flush()
        program = BINARIES / ("ptxas-blackwell" if capability >= 100 else "ptxas")
        name = f"sm_{capability}" + ("a" if capability >= 90 else "")
        command = [str(program), "-v", f"--gpu-name={name}", ptx.name, "-o", "/dev/null"]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers = re.search(r"Used (\d+) registers", report)
    spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", report)
    assert registers is not None, report
    return Usage(int(registers[1]), compiled.metadata.shared, sum(int(spill) for spill in spills))


def _type_of(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return POINTERS[value.dtype]
    return "fp32" if isinstance(value, float) else "i32"
