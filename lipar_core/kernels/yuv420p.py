"""Conversion of planar YUV 4:2:0 to RGB and back, in one pass over the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.colour import KB, KG, KR, rgb_from_yuv420p, yuv420p_from_rgb
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

BLOCK = 256  # chroma values of a program


@jit
def _rgb_kernel(
    planes: Pointer,
    rgb: Pointer,
    height: int,
    width: int,
    KR: tl.constexpr,
    KG: tl.constexpr,
    KB: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    size = height * width
    inside = i < size // 4
    source = planes + tl.program_id(1).to(tl.int64) * (size + size // 2)
    target = rgb + tl.program_id(1).to(tl.int64) * 3 * size
    cb = (tl.load(source + size + i, mask=inside, other=0).to(tl.float32) - 128) / 224
    cr = (tl.load(source + size + size // 4 + i, mask=inside, other=0).to(tl.float32) - 128) / 224
    for pixel in range(4):
        at = (i // (width // 2) * 2 + pixel // 2) * width + i % (width // 2) * 2 + pixel % 2
        y = (tl.load(source + at, mask=inside, other=0).to(tl.float32) - 16) / 219
        red = y + 2 * (1 - KR) * cr
        blue = y + 2 * (1 - KB) * cb
        green = (y - KR * red - KB * blue) / KG
        tl.store(target + at, tl.minimum(tl.maximum(red, 0.0), 1.0), mask=inside)
        tl.store(target + size + at, tl.minimum(tl.maximum(green, 0.0), 1.0), mask=inside)
        tl.store(target + 2 * size + at, tl.minimum(tl.maximum(blue, 0.0), 1.0), mask=inside)


@jit
def _planes_kernel(
    rgb: Pointer,
    planes: Pointer,
    height: int,
    width: int,
    KR: tl.constexpr,
    KG: tl.constexpr,
    KB: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    size = height * width
    inside = i < size // 4
    source = rgb + tl.program_id(1).to(tl.int64) * 3 * size
    target = planes + tl.program_id(1).to(tl.int64) * (size + size // 2)
    cb = tl.zeros([BLOCK], dtype=tl.float32)
    cr = tl.zeros([BLOCK], dtype=tl.float32)
    for pixel in range(4):
        at = (i // (width // 2) * 2 + pixel // 2) * width + i % (width // 2) * 2 + pixel % 2
        red = tl.load(source + at, mask=inside, other=0.0).to(tl.float32)
        green = tl.load(source + size + at, mask=inside, other=0.0).to(tl.float32)
        blue = tl.load(source + 2 * size + at, mask=inside, other=0.0).to(tl.float32)
        y = KR * red + KG * green + KB * blue
        cb += (blue - y) / (2 * (1 - KB))
        cr += (red - y) / (2 * (1 - KR))
        tl.store(target + at, _rounded(y * 219 + 16), mask=inside)
    tl.store(target + size + i, _rounded(cb / 4 * 224 + 128), mask=inside)
    tl.store(target + size + size // 4 + i, _rounded(cr / 4 * 224 + 128), mask=inside)


@jit
def _rounded(value):  # type: ignore[no-untyped-def]
    return tl.minimum(tl.maximum(tl.floor(value + 0.5), 0.0), 255.0).to(tl.uint8)


def _rgb_triton(planes: Tensor) -> Tensor:
    count, lines, width = planes.shape
    height = lines * 2 // 3
    rgb = torch.empty(count, 3, height, width, device=planes.device)
    _launch(_rgb_kernel, planes, rgb, count, height, width)
    return rgb


def _planes_triton(rgb: Tensor) -> Tensor:
    count, _, height, width = rgb.shape
    planes = torch.empty(count, height * 3 // 2, width, dtype=torch.uint8, device=rgb.device)
    _launch(_planes_kernel, rgb, planes, count, height, width)
    return planes


def _launch(kernel: object, source: Tensor, target: Tensor, count: int, height: int, width: int) -> None:
    programs = -(-(height * width // 4) // BLOCK)
    launch(kernel, (programs, count), source.contiguous(), target, height, width, KR=KR, KG=KG, KB=KB, BLOCK=BLOCK)


def _planes_examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    for count in (0, 1, shapes.frames_per_latent):
        yield ((256 * shapes.uniform(count, shapes.height * 3 // 2, shapes.width)).to(torch.uint8),)


def _rgb_examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    for count in (0, 1, shapes.frames_per_latent):
        yield (shapes.uniform(count, 3, shapes.height, shapes.width),)


frames_from_planes = Operation(rgb_from_yuv420p, _rgb_triton, _planes_examples)
planes_from_frames = Operation(yuv420p_from_rgb, _planes_triton, _rgb_examples)
