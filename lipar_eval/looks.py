"""Part 3: visible artefacts that mean errors hide: token grid, flicker, faces; and sample pictures."""

from dataclasses import dataclass

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_eval.classical_styles import StyleFunction
from lipar_eval.clips import Clip
from lipar_eval.edited_clips import edit_clip, mean_keep_ratio
from lipar_eval.faces import FaceFinder, count_matching_faces
from lipar_eval.fidelity import apply, nearest_style
from lipar_eval.quality import FRAME_STEP, Metric, flicker, grid_ratio, psnr, ssim
from lipar_eval.summary import Row

LEAD_IN, SHOWN = 24, 16  # frames of a clip that are edited before the measured ones, and measured frames
COLUMNS = 2  # of source, target and output on a sheet

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Looks:
    """Rows of metrics, and a contact sheet per clip: source, target and output of every style."""

    rows: list[Row]
    sheets: list[Picture]


def looks(
    models: Models,
    clips: list[Clip],
    targets: dict[str, StyleFunction],
    faces: FaceFinder | None,
    lpips: Metric | None = None,
) -> Looks:
    """A row per clip and style, pruned as in the preset, in steady state; clips with the most faces first.

    Flicker is in levels of 255, in static regions of the source: of the output, of the unpruned output, of the target,
    and of the target after the codec's round trip. `faces` are those found in the target, `faces_found` those of them
    in the output.
    """
    parts = {clip.name: Clip(clip.name, clip.frames[: LEAD_IN + SHOWN]) for clip in clips}
    order = sorted(parts.values(), key=lambda clip: -_count(clip.pixels[-SHOWN::FRAME_STEP], faces))
    rows: list[Row] = []
    sheets: list[Picture] = []
    for clip in order:
        tiles: list[Picture] = []
        expected = {name: apply(style, clip.frames[-SHOWN:]) for name, style in targets.items()}
        for name in targets:
            row, tile = _measure_style(models, clip, name, expected, faces, lpips)
            rows.append(row)
            tiles.append(tile)
        sheets.append(_sheet(tiles))
    return Looks(rows, sheets)


def face_counts(rows: list[Row]) -> dict[str, Row]:
    """Sums over the clips, by style: faces found in the targets, and of these in the output."""
    styles: dict[str, Row] = {}
    for row in rows:
        sums = styles.setdefault(str(row["style"]), {"faces": 0, "faces_found": 0})
        for name in sums:
            sums[name] += row[name]  # type: ignore[operator]
    return styles


def _measure_style(
    models: Models, clip: Clip, name: str, expected: dict[str, Tensor], faces: FaceFinder | None, lpips: Metric | None
) -> tuple[Row, Picture]:
    base = default_parameters(models.preset)
    prompt = next(known.prompt for known in models.preset.styles if known.name == name)
    settings = replace(base, prompt=prompt)
    whole = edit_clip(models, clip, replace(settings, pruning=replace(base.pruning, enabled=False))).frames[-SHOWN:]
    edited = edit_clip(models, clip, settings)
    ours = edited.frames[-SHOWN:]
    source = clip.pixels[-SHOWN:]
    token = models.preset.stream.token_size
    target = expected[name]
    through = _round_trip(models, target)
    row: Row = {
        "clip": clip.name,
        "style": name,
        "kept": mean_keep_ratio(edited),
        "psnr_db": psnr(ours, target),
        "codec_db": psnr(through, target),
        "ssim": ssim(ours, target),
        "pruned_db": psnr(ours, whole),
        "style_accuracy": style_accuracy_of(ours, name, expected),
        "grid": grid_ratio(ours, token),
        "target_grid": grid_ratio(target, token),
        "source_grid": grid_ratio(source, token),
        "flicker": flicker(ours, source),
        "unpruned_flicker": flicker(whole, source),
        "target_flicker": flicker(target, source),
        "codec_flicker": flicker(through, source),
    }
    if faces:
        pairs = [
            (faces(expected), faces(output))
            for expected, output in zip(target[::FRAME_STEP], ours[::FRAME_STEP], strict=True)
        ]
        row |= {
            "source_faces": _count(source[::FRAME_STEP], faces),
            "faces": sum(len(expected) for expected, _ in pairs),
        }
        row |= {"faces_found": sum(count_matching_faces(expected, output) for expected, output in pairs)}
    if lpips:
        row["lpips"] = lpips(ours, target)
    return row, _tile(name, [source[-1], target[-1], ours[-1]])


@torch.inference_mode()
def _round_trip(models: Models, frames: Tensor) -> Tensor:
    """frames [N, 3, H, W] after the codec's round trip; the first is repeated before them to fill the codec's state."""
    step = models.preset.codec.frames_per_latent
    video = torch.cat([frames[:1].expand(2 * step, -1, -1, -1), frames, frames[-1:].expand(step, -1, -1, -1)])
    latents, _ = models.codec.encode(video[None].to(models.device, models.precision.convolution))
    raw, _ = models.codec.decode(latents)
    start = 2 * step + models.preset.codec.lag_frames
    return raw[0, start : start + len(frames)].float().clamp(0, 1).cpu()


def style_accuracy_of(frames: Tensor, name: str, expected: dict[str, Tensor]) -> float:
    """The ratio of frames, of every fourth, whose nearest target is the named style's."""
    nearest = [
        nearest_style(frames[i], {style: expected[style][i] for style in expected})
        for i in range(0, len(frames), FRAME_STEP)
    ]
    return nearest.count(name) / len(nearest)


def _count(frames: Tensor, faces: FaceFinder | None) -> int:
    return sum(len(faces(frame)) for frame in frames) if faces else 0


def _tile(name: str, pictures: list[Tensor]) -> Picture:
    """Pictures [3, H, W] side by side with the style's name."""
    wide = torch.cat(pictures, dim=2).permute(1, 2, 0)
    image = Image.fromarray((wide * 255).round().byte().numpy())
    ImageDraw.Draw(image).text((4, 2), name, fill=(255, 255, 255), stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(image)


def _sheet(tiles: list[Picture]) -> Picture:
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)]
    rows = [np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)]
    return np.concatenate(rows)
