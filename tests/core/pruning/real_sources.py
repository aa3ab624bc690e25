"""Synthetic clips with the properties of real sources: [N, 3, 144, 256] uint8, N a multiple of 4."""

import io
import math

import av
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

HEIGHT, WIDTH, TOKEN = 144, 256, 16
ROWS, COLS = HEIGHT // TOKEN, WIDTH // TOKEN
FPS = 16


def scene(width: int = WIDTH, seed: int = 0) -> Tensor:
    """A picture in levels [3, 144, width]: soft shapes, hard edges, fine texture; dark and bright parts."""
    draw = torch.Generator().manual_seed(seed)
    soft = F.interpolate(torch.rand(1, 3, 6, width // 24, generator=draw), (HEIGHT, width), mode="bicubic")[0]
    edges = (F.interpolate(torch.rand(1, 1, 9, width // 16, generator=draw), (HEIGHT, width))[0] > 0.7).float()
    texture = torch.rand(1, HEIGHT, width, generator=draw) - 0.5
    texture[:, : HEIGHT // 2] = 0
    return (soft * 150 + edges * 50 + texture * 30 + 20).clamp(0, 255)


def clip(levels: Tensor) -> Tensor:
    """Levels rounded and clipped like a camera's."""
    return levels.round().clamp(0, 255).byte()


def at_rest(frames: int) -> Tensor:
    return clip(scene().expand(frames, -1, -1, -1))


def noisy(source: Tensor, sigma: float, seed: int = 1) -> Tensor:
    """A camera in dim light."""
    draw = torch.Generator().manual_seed(seed)
    return clip(source + sigma * torch.randn(source.shape, generator=draw))


def crossing(frames: int, speed: int = 4) -> tuple[Tensor, Tensor]:
    """A person crosses a static scene: the clip, and a mask of the person [N, 144, 256] bool."""
    person = scene(seed=9)[:, :, :48].flip(0)
    source = scene().repeat(frames, 1, 1, 1)
    where = torch.zeros(frames, HEIGHT, WIDTH, dtype=torch.bool)
    for i in range(frames):
        left = i * speed - 48
        begin, end = max(0, left), min(WIDTH, left + 48)
        if end > begin:
            source[i, :, 32:, begin:end] = person[:, 32:, begin - left : end - left]
            where[i, 32:, begin:end] = True
    return clip(source), where


def pan(frames: int, speed: int = 3) -> Tensor:
    wide = scene(width=WIDTH + frames * speed + 24)
    return clip(torch.stack([wide[:, :, i * speed : i * speed + WIDTH] for i in range(frames)]))


def gain(frames: int, per_second: float) -> Tensor:
    """Exposure that drifts up, then stays."""
    steps = torch.arange(frames).view(-1, 1, 1, 1) / FPS
    return clip(scene() * (1 + per_second * steps).clamp(max=1.3))


def white_balance(frames: int, per_second: float) -> Tensor:
    steps = torch.arange(frames).view(-1, 1, 1, 1) / FPS
    return clip(scene() * (1 + per_second * steps * torch.tensor([1.0, 0.0, -1.0]).view(3, 1, 1)))


def mains_light(frames: int, amplitude: float, mains: int = 50) -> Tensor:
    """Rolling-shutter bands under light flickering at twice the mains frequency, 30 rows per period."""
    rows = torch.arange(HEIGHT).view(1, 1, -1, 1) / 30
    times = torch.arange(frames).view(-1, 1, 1, 1) * 2 * mains / 30  # a webcam at 30 fps
    return clip(scene() + amplitude * torch.sin(2 * math.pi * (rows + times)))


def screen(frames: int, caret_at: int) -> Tensor:
    """A page of text; from one frame on with a caret of 2 x 16 pixels, mid grey on white."""
    page = torch.full((3, HEIGHT, WIDTH), 255.0)
    page[:, 20::16, 10:120:3] = 30
    source = page.repeat(frames, 1, 1, 1)
    source[caret_at:, :, 65:81, 203:205] = 150
    return clip(source)


def coded(source: Tensor, codec: str, bit_rate: int = 300_000) -> Tensor:
    """The clip through a low-bitrate encoder, a keyframe each second."""
    options = {
        "libx264": {"preset": "veryfast", "tune": "zerolatency", "sc_threshold": "0"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "keyint_min": str(FPS)},
    }[codec]
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream(codec, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = source.shape[3], source.shape[2], "yuv420p"
        stream.bit_rate, stream.gop_size = bit_rate, FPS
        for picture in source.permute(0, 2, 3, 1).contiguous().numpy():
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    file.seek(0)
    with av.open(file) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
