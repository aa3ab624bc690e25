"""Synthetic clips with the properties of real sources: [N, 3, 144, 256] uint8, N a multiple of 4."""

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_eval.clips import Clip
from lipar_eval.source_conditions import FPS, coded

HEIGHT, WIDTH, TOKEN = 144, 256, 16
ROWS, COLS = HEIGHT // TOKEN, WIDTH // TOKEN


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


def shot_noisy(source: Tensor, seed: int = 1) -> Tensor:
    """A sensor whose noise grows with the light: sigma 3 to 10 levels."""
    draw = torch.Generator().manual_seed(seed)
    return clip(source + 0.6 * source.float().sqrt() * torch.randn(source.shape, generator=draw))


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


def static_coded(codec: str, bit_rate: int) -> Tensor:
    """A static scene of a low-quality camera, five keyframes."""
    return coded(Clip("static", noisy(at_rest(80), 3)), bit_rate, codec).frames


def cut() -> Tensor:
    """Another scene after 16 frames."""
    return torch.cat([at_rest(16), clip(scene(seed=5).expand(16, -1, -1, -1))])


SOURCES: Mapping[str, Callable[[], Tensor]] = {
    "static": lambda: at_rest(32),
    "static, noise 5": lambda: noisy(at_rest(32), 5),
    "static, noise 10": lambda: noisy(at_rest(32), 10),
    "static, noise by light, 3 to 10": lambda: shot_noisy(at_rest(48)),
    "static, H.264 300k, keyframe each second": lambda: static_coded("libx264", 300_000),
    "static, H.264 100k": lambda: static_coded("libx264", 100_000),
    "static, VP8 300k": lambda: static_coded("libvpx", 300_000),
    "exposure drift, 2 % a second": lambda: gain(240, 0.02),
    "white balance drift, 2 % a second": lambda: white_balance(240, 0.02),
    "mains flicker 50 Hz, 4 levels": lambda: mains_light(64, 4),
    "mains flicker 50 Hz, 25 levels": lambda: mains_light(64, 25),
    "screen, caret of 2x16 pixels appears": lambda: screen(48, 17),
    "cut": cut,
    "pan, 3 pixels a frame": lambda: pan(32),
    "person crosses": lambda: crossing(96)[0],
    "person crosses, noise 5": lambda: noisy(crossing(96)[0], 5),
}
