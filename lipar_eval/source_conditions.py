"""Clips as a noisy camera or a link of low bandwidth would deliver them."""

import io
from collections.abc import Callable, Mapping

import av
import numpy as np
import torch
from av.video.stream import VideoStream

from lipar_eval.clips import Clip

FPS = 16  # of the clips
NOISE = 5.0  # sigma, levels of 255: a webcam in dim light
BIT_RATE = 300_000  # bits per second
ENCODERS = {
    "libx264": {"preset": "veryfast", "tune": "zerolatency", "sc_threshold": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "keyint_min": str(FPS)},
}


def noisy(clip: Clip, sigma: float = NOISE) -> Clip:
    """The clip with Gaussian noise of `sigma` levels of 255."""
    draw = torch.Generator().manual_seed(1)
    noise = sigma * torch.randn(clip.frames.shape, generator=draw)
    return Clip(clip.name, (clip.frames + noise).round().clamp(0, 255).byte())


def coded(clip: Clip, bit_rate: int = BIT_RATE, codec: str = "libx264") -> Clip:
    """The clip after a low-bitrate live encoder, with a keyframe each second."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream(codec, rate=FPS, options=ENCODERS[codec])
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = clip.frames.shape[2:]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = bit_rate
        stream.gop_size = FPS
        for picture in clip.frames.permute(0, 2, 3, 1).contiguous().numpy():
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as video:
        pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
    return Clip(clip.name, torch.from_numpy(pictures).permute(0, 3, 1, 2))


CONDITIONS: Mapping[str, Callable[[Clip], Clip]] = {
    "clean": lambda clip: clip,
    f"noise {NOISE:g}": noisy,
    f"H.264 {BIT_RATE // 1000}k": coded,
}
