"""TAEHV: a tiny causal video autoencoder, 4 frames to 1 latent frame (madebyollin/taehv, published layout and names).

Encoder and decoder run on all frames of a call and carry explicit state between calls, so that streaming equals batch.
The decoder lags: raw output frame r shows source frame r - `lag_frames` (3 in the published codec).

With a renderer, latents have extra channels, the code. The encoder leaves it at 0; the transformer fills it in, and it
conditions the renderer, the decoder's last part.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.config import Preset
from lipar_core.kernels.graphs import Function, GraphedFunction, Recorder, cuda_recorder
from lipar_core.kernels.start_up import kernels_mode
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.interfaces import LatentArea
from lipar_core.models.precision import Precision
from lipar_core.models.rendered_frames import RenderedFrames, render
from lipar_core.models.renderers import Renderers
from lipar_core.models.taehv_folds import FoldedGrow, FoldedPool, folded
from lipar_core.models.taehv_layers import Bound, MemBlock, TGrow, TPool, conv3x3
from lipar_core.models.taehv_layout import choose_layout
from lipar_core.models.taehv_runs import Layers, run_in_parts, run_layers
from lipar_core.weight_files import locate


@dataclass(frozen=True, slots=True)
class CodecState:
    """State of the encoder or decoder between calls; the empty state is a stream's start."""

    past: tuple[Tensor, ...] = ()  # per MemBlock, its last input [B, C, H, W]
    waiting: Tensor | None = field(default=None)  # encoder: frames [B, <4, 3, H, W] of an incomplete latent frame
    rendered: RenderedFrames | None = None  # decoder: the newest call's


class TAEHV(nn.Module):
    """The autoencoder. Pixels are RGB in [0, 1]; latents are roughly Gaussian."""

    def __init__(self, config: TAEHVConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.Sequential(*_encoder_layers(config))
        self.decoder = nn.Sequential(*_decoder_layers(config))
        self.renderer = Renderers(config) if config.renderer_width else None
        self.layers: tuple[Layers, Layers] = (tuple(self.encoder), tuple(self.decoder))
        self.run_encoder: Function = self._run_encoder
        self.run_decoder: Function = self._run_decoder

    def use_graphs(self, encoder: Recorder, decoder: Recorder) -> None:
        """Replay encoder and decoder as graphs: sessions of a size share them, because they hold no state."""
        self.run_encoder = GraphedFunction("the encoder", self._run_encoder, encoder)
        self.run_decoder = GraphedFunction("the decoder", self._run_decoder, decoder)

    def fold(self) -> None:
        """Join layers, with their weights of now: not for training. Equal but for rounding."""
        self.layers = folded(tuple(self.encoder)), folded(tuple(self.decoder))

    def set_layout(self, layout: torch.memory_format) -> None:
        """Of the weights, and so of what convolutions return; layers are joined again."""
        self.to(memory_format=layout)  # type: ignore[call-overload]
        self.fold()
        for layer in (*self.layers[0], *self.layers[1]):
            if isinstance(layer, (FoldedPool, FoldedGrow)):
                layer.set_layout(layout)

    def encode(self, frames: Tensor, state: CodecState | None = None) -> tuple[Tensor, CodecState]:
        """frames [B, N, 3, H, W], any N -> completed latents [B, F, C, h, w], and the next state."""
        state = state or CodecState()
        if state.waiting is not None:
            frames = torch.cat([state.waiting, frames], dim=1)
        whole = frames.shape[1] - frames.shape[1] % self.config.frames_per_latent
        waiting = frames[:, whole:].clone() if whole < frames.shape[1] else None
        if not whole:
            batch, _, _, height, width = frames.shape
            stride = self.config.stride
            size = (batch, 0, self.config.channels, height // stride, width // stride)
            return frames.new_empty(size), CodecState(state.past, waiting)
        x = F.pixel_unshuffle(frames[:, :whole], self.config.unshuffle)
        values = self._encoder_values(x) * self.config.frames_per_latent
        latents, past = run_in_parts(self.run_encoder, x, state.past, self.config.frames_per_latent, values)
        return F.pad(latents, (0, 0, 0, 0, 0, self.config.code_channels)), CodecState(past, waiting)

    def decode(
        self, latents: Tensor, state: CodecState | None = None, area: LatentArea | None = None
    ) -> tuple[Tensor, CodecState]:
        """latents [B, F, C, h, w] -> raw frames [B, 4F, 3, H, W], not clamped, and the state for the next call.

        The caller drops the first `lag_frames` raw frames of a stream: they have no content. Outside `area` the
        renderers, which have no state, are left out.
        """
        state = state or CodecState()
        x = self.picture(latents)
        values = self._decoder_values(x) * self.config.frames_per_latent
        frames, past = run_in_parts(self.run_decoder, x, state.past, 1, values)
        frames = F.pixel_shuffle(frames, self.config.unshuffle)
        if self.renderer is None:
            return frames, CodecState(past)
        if area is not None:
            return self.renderer.render_area(frames, latents, area), CodecState(past)
        if frames.device.type != "cpu" or torch.is_grad_enabled():
            return self.renderer(frames, latents), CodecState(past)
        rendered = render(self.renderer, frames, latents, state.rendered)
        return rendered.output, CodecState(past, rendered=rendered)

    def picture(self, latents: Tensor) -> Tensor:
        """latents [..., C, h, w] without their code: the channels that the encoder sets."""
        return latents[..., : self.config.latent_channels, :, :]

    def _layers(self, part: int) -> Layers:
        """Those of the encoder (0) or decoder (1); with gradients the ones that have parameters."""
        return tuple((self.encoder, self.decoder)[part]) if torch.is_grad_enabled() else self.layers[part]

    def _encoder_values(self, x: Tensor) -> int:
        """How many values a frame of x [B, N, C, H, W] has at its largest."""
        return x.shape[-2:].numel() * self.config.encoder_width

    def _decoder_values(self, x: Tensor) -> int:
        pixels = x.shape[-2:].numel() * (self.config.stride // self.config.unshuffle) ** 2
        return pixels * self.config.decoder_widths[-1]

    def _run_encoder(self, x: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        return run_layers(self._layers(0), x, past, self._encoder_values(x))

    def _run_decoder(self, x: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        return run_layers(self._layers(1), x, past, self._decoder_values(x))


def load_taehv(config: TAEHVConfig, preset: Preset, device: torch.device, precision: Precision) -> TAEHV:
    """Raises `CheckpointError`."""
    with MetaDevice():
        codec = TAEHV(config)
    load_network(codec, locate(preset.weights.codec), "codec", device, precision.convolution)
    codec.fold()
    if device.type == "cuda" and kernels_mode() == "auto":
        choose_layout(codec, preset.stream, device, precision.convolution)
        # the next block is encoded beside the clean pass
        codec.use_graphs(encoder=cuda_recorder(beside_others=True), decoder=cuda_recorder())
    return codec


def _encoder_layers(config: TAEHVConfig) -> list[nn.Module]:
    width = config.encoder_width
    layers: list[nn.Module] = [conv3x3(3 * config.unshuffle**2, width), nn.ReLU(inplace=True)]
    for time, space in zip(config.encoder_time, config.encoder_space, strict=True):
        layers += [TPool(width, time), conv3x3(width, width, stride=space, bias=False)]
        layers += [MemBlock(width) for _ in range(config.memblocks)]
    return [*layers, conv3x3(width, config.latent_channels)]


def _decoder_layers(config: TAEHVConfig) -> list[nn.Module]:
    widths = config.decoder_widths
    layers: list[nn.Module] = [
        Bound(config.latent_bound),
        conv3x3(config.latent_channels, widths[0]),
        nn.ReLU(inplace=True),
    ]
    for i, (time, space) in enumerate(zip(config.decoder_time, config.decoder_space, strict=True)):
        layers += [MemBlock(widths[i]) for _ in range(config.memblocks)]
        layers += [
            nn.Upsample(scale_factor=space) if space > 1 else nn.Identity()
        ]  # Identity keeps the published numbering
        layers += [TGrow(widths[i], time), conv3x3(widths[i], widths[i + 1], bias=False)]
    return [*layers, nn.ReLU(inplace=True), conv3x3(widths[-1], 3 * config.unshuffle**2)]
