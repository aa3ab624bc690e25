"""Clips and photos of the media folder, cut to the model's picture. Evaluation clips are never read for training."""

import json
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Clip = NDArray[np.uint8]  # [N, H, W, 3] RGB

LEFT_OUT = {"gif-source"}  # few colours, dithered: no camera looks like that


def train_clips(folder: Path, width: int, height: int, frames: int) -> Iterator[tuple[str, Clip]]:
    """(name, clip) of the train split, evenly spread excerpts of `frames` frames at most, a multiple of 4."""
    for entry in _entries(folder, "train", "video"):
        clip = read_clip(folder / entry["file"], width, height)
        for start in range(0, max(1, len(clip) - frames // 2), max(frames, len(clip) // 2)):
            part = clip[start : start + frames]
            if len(part) >= 8:
                yield f"{entry['file']}@{start}", part[: len(part) // 4 * 4]


def train_photos(folder: Path, width: int, height: int, frames: int) -> Iterator[tuple[str, Clip]]:
    """(name, clip) of every photo under a slow, seeded pan and zoom."""
    for number, entry in enumerate(_entries(folder, "train", "photo")):
        picture = cv2.cvtColor(cv2.imread(str(folder / entry["file"])), cv2.COLOR_BGR2RGB)
        yield entry["file"], _pan(picture, width, height, frames, np.random.default_rng(number))


def eval_clips(folder: Path, width: int, height: int) -> Iterator[tuple[str, Clip]]:
    """(name, clip) of the evaluation split: to measure, never to train on."""
    for path in sorted((folder / "eval").glob("*.mp4")):
        yield path.stem, read_clip(path, width, height)


def read_clip(path: Path, width: int, height: int) -> Clip:
    """All frames, scaled to cover width x height and cut around the middle."""
    with av.open(str(path)) as container:
        return np.stack([_cover(frame, width, height) for frame in container.decode(video=0)])


def _entries(folder: Path, split: str, kind: str) -> list[dict[str, str]]:
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    return [e for e in manifest if e["split"] == split and e["kind"] == kind and not LEFT_OUT & set(e["tags"])]


def _cover(frame: av.VideoFrame, width: int, height: int) -> Clip:
    scale = max(width / frame.width, height / frame.height)
    wide, tall = max(width, round(frame.width * scale)), max(height, round(frame.height * scale))
    picture = frame.reformat(width=wide, height=tall, format="rgb24", interpolation="AREA").to_ndarray()
    top, left = (tall - height) // 2, (wide - width) // 2
    return picture[top : top + height, left : left + width]


def _pan(picture: Clip, width: int, height: int, frames: int, rng: np.random.Generator) -> Clip:
    tall, wide = picture.shape[:2]
    largest = min(wide / width, tall / height)
    zooms = np.linspace(*rng.uniform(0.75, 1.0, 2), frames) * largest
    xs, ys = (np.linspace(*rng.uniform(0.0, 1.0, 2), frames) for _ in range(2))
    out = []
    for zoom, x, y in zip(zooms, xs, ys, strict=True):
        w, h = width * zoom, height * zoom
        matrix = np.array([[zoom, 0, x * (wide - w)], [0, zoom, y * (tall - h)]], dtype=np.float32)
        flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
        out.append(cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return np.stack(out)
