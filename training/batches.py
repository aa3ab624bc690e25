"""What one training step sees: crops of excerpts, their targets, what may be pruned, the prompts that ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from lipar_cli.evaluation.targets import REACH
from lipar_core.config import FRAMES_PER_LATENT
from training.media import Clip
from training.recipe import StageRecipe
from training.wishes import Asked, Wish, draw_wish

TOKEN = 16  # pixels to a side
CUT_SHARE, CHANGE_SHARE = 0.2, 0.2  # of the batches with a past: the scene changes on the way; the prompts do
SLOWER_SHARE = 0.5  # of the samples: every second frame, for clips have 25 to 30 a second and live streams fewer
CHANGE_RANKS = 0.7  # of the keep masks: what changed is kept before what did not; the others are drawn blindly
SCATTERED_SHARE = 0.3  # of the keep masks: tokens drawn one by one; the others keep whole regions, as detectors do


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames [B, N, 3, H, W] in [0, 1]. At latent frame `turn`, if any, a new scene or new prompts begin."""

    source: Tensor
    target: Tensor  # of the frames after the past alone
    past: int  # latent frames that the model makes for itself, to be learned upon and not from
    keep: Tensor | None  # [F, T] bool, where some tokens are pruned
    asked: Asked
    turn: int | None = None
    later: Asked | None = None  # asked for from the turn on, if that changes


@dataclass(frozen=True, slots=True)
class _Crop:
    """Frames uint8 [N, H, W, 3] with a margin around them, for targets that look beyond the crop."""

    frames: Clip
    inner: tuple[slice, slice]  # rows and columns without the margin


def draw_batch(excerpts: Sequence[Clip], stage: StageRecipe, rng: np.random.Generator) -> Batch:
    """Random crops of random excerpts in random styles."""
    past, kind = int(rng.integers(0, stage.past + 1)), rng.random()
    frames = past + stage.frames
    turns = stage.past > 0 and frames > 1 and kind < CUT_SHARE + CHANGE_SHARE
    turn = int(rng.integers(1, frames)) if turns else frames
    scenes = [turn, frames - turn] if turns and kind < CUT_SHARE else [frames]
    changes = turns and kind >= CUT_SHARE
    size = excerpts[int(rng.integers(len(excerpts)))].shape[1:3]
    pool = [clip for clip in excerpts if stage.crop or clip.shape[1:3] == size]
    crops = [_draw_crops(pool, stage, scenes, rng) for _ in range(stage.batch)]
    keep = _draw_keep(crops, rng, turn) if rng.random() < stage.prune and frames > 1 else None
    if keep is not None:
        for crop in crops:
            _freeze(crop, keep)
    before = [draw_wish(rng) for _ in crops]
    after = [draw_wish(rng) for _ in crops] if changes else before
    source = np.stack([crop.frames[:, *crop.inner] for crop in crops])
    target = np.stack([_target(*drawn, past, turn) for drawn in zip(crops, before, after, strict=True)])
    return Batch(
        _pictures(source),
        _pictures(target),
        past,
        None if keep is None else torch.from_numpy(keep.reshape(frames, -1)),
        Asked(before),
        turn if turns else None,
        Asked(after) if changes else None,
    )


def _draw_crops(pool: Sequence[Clip], stage: StageRecipe, scenes: Sequence[int], rng: np.random.Generator) -> _Crop:
    """One sample, of as many scenes one after another, each of so many latent frames."""
    clips = [pool[int(rng.integers(len(pool)))] for _ in scenes]
    height, width = stage.crop or clips[0].shape[1:3]
    parts, inner = [], (slice(0, height), slice(0, width))
    flip = rng.random() < 0.5
    for clip, count in zip(clips, scenes, strict=True):
        spare = np.array(clip.shape[1:3]) - (height, width)
        top, left = rng.integers(0, spare // TOKEN + 1) * TOKEN
        margin = REACH if len(scenes) == 1 else 0  # scenes of one sample have the same size
        above, before = min(margin, top), min(margin, left)
        rows = slice(top - above, min(top + height + margin, clip.shape[1]))
        columns = slice(left - before, min(left + width + margin, clip.shape[2]))
        inner = (slice(above, above + height), slice(before, before + width))
        part = clip[:, rows, columns][_draw_times(len(clip), FRAMES_PER_LATENT * count, rng)]
        if flip:
            part = part[:, :, ::-1]
            inner = (inner[0], slice(part.shape[2] - before - width, part.shape[2] - before))
        parts.append(part)
    return _Crop(np.concatenate(parts), inner)


def _draw_times(length: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which frames of an excerpt: every one or every second from anywhere, forth and back where it is shorter."""
    step = 2 if rng.random() < SLOWER_SHARE and length >= 2 * FRAMES_PER_LATENT else 1
    spare = max(length - step * count + 1, 1)
    times = np.arange(count) * step + rng.integers(spare)
    return np.abs((times + length - 1) % max(2 * (length - 1), 1) - (length - 1))


def _draw_keep(crops: Sequence[_Crop], rng: np.random.Generator, turn: int) -> NDArray[np.bool_]:
    """Keep masks [F, rows, cols] for all samples together; a scene's first frame is kept whole."""
    change = np.mean([_change(crop) for crop in crops], axis=0)
    masks = [np.ones(change.shape[1:], bool)]
    for frame in range(1, len(change) + 1):
        score = _field(change.shape[1], change.shape[2], rng)
        if rng.random() < CHANGE_RANKS:
            ranks = change[frame - 1].argsort(axis=None).argsort().reshape(score.shape) / score.size
            score = score + 2 * ranks
        kept = max(1, round(rng.beta(2, 2) * score.size))
        masks.append(score >= np.sort(score, axis=None)[-kept])
    if turn < len(masks):
        masks[turn][:] = True
    return np.stack(masks)


def _field(rows: int, cols: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random scores [rows, cols] in [0, 1], the same nearby or each by itself."""
    fine = rng.random((rows, cols))
    if rng.random() < SCATTERED_SHARE:
        return fine
    coarse = torch.from_numpy(rng.random((1, 1, int(rng.integers(2, rows + 1)), int(rng.integers(2, cols + 1)))))
    smooth: NDArray[np.float64] = interpolate(coarse, (rows, cols), mode="bilinear")[0, 0].numpy()
    return smooth + 0.05 * fine


def _change(crop: _Crop) -> NDArray[np.float32]:
    """How far each token's last pixels are from those four frames earlier: [F - 1, rows, cols]."""
    last = crop.frames[FRAMES_PER_LATENT - 1 :: FRAMES_PER_LATENT, *crop.inner].astype(np.float32)
    change = np.abs(np.diff(last, axis=0)).mean(axis=-1)
    count, height, width = change.shape
    return change.reshape(count, height // TOKEN, TOKEN, width // TOKEN, TOKEN).mean(axis=(2, 4))


def _freeze(crop: _Crop, keep: NDArray[np.bool_]) -> None:
    """Pruned means that nothing changed: there the source stands still."""
    rows, columns = crop.inner
    inner = crop.frames[:, rows, columns]
    for frame in range(1, len(keep)):
        moving = keep[frame].repeat(TOKEN, axis=0).repeat(TOKEN, axis=1)[..., None]
        begin = FRAMES_PER_LATENT * frame
        for at in range(begin, begin + FRAMES_PER_LATENT):
            inner[at] = np.where(moving, inner[at], inner[begin - 1])


def _target(crop: _Crop, before: Wish, after: Wish, past: int, turn: int) -> NDArray[np.float32]:
    """Of the frames after the past, in levels."""
    wanted = []
    for at in range(FRAMES_PER_LATENT * past, len(crop.frames)):
        wish = before if at < FRAMES_PER_LATENT * turn else after
        wanted.append(wish.target(np.ascontiguousarray(crop.frames[at]))[crop.inner])
    return np.stack(wanted)


def _pictures(frames: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    """[B, N, H, W, 3] in levels -> [B, N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 1, 4, 2, 3).float() / 255
