"""Clips and photos of the media folder, cropped to the model's size. Evaluation clips are never used for training."""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lipar_video.reader import SourceFrame, VideoReader

Clip = NDArray[np.uint8]  # [N, H, W, 3] RGB

Sizes = Sequence[Sequence[int]]  # width and height

EXCLUDED_TAGS = {"gif-source"}  # dithered to few colours, unlike camera video


def train_clips(folder: Path, sizes: Sizes, frames: int) -> Iterator[tuple[str, Clip]]:
    """(name, clip) of the train split, evenly spread excerpts of `frames` frames at most, a multiple of 4."""
    for number, entry in enumerate(manifest_entries(folder, "train", "video")):
        clip = read_clip(folder / entry["file"], *sizes[number % len(sizes)])
        for start in range(0, max(1, len(clip) - frames // 2), max(frames, len(clip) // 2)):
            part = clip[start : start + frames]
            if len(part) >= 8:
                yield f"{entry['file']}@{start}", part[: len(part) // 4 * 4]


def train_photos(folder: Path, sizes: Sizes, frames: int) -> Iterator[tuple[str, Clip]]:
    """(name, clip) of every photo, animated by a slow pan and zoom or by a moving cut-out of another photo."""
    entries = manifest_entries(folder, "train", "photo")
    for number, entry in enumerate(entries):
        rng = np.random.default_rng(number)
        width, height = sizes[number % len(sizes)]
        clip = _pan(_photo(folder, entry), width, height, frames, rng, still=number % 2 == 1)
        if number % 2:
            other = _photo(folder, entries[int(rng.integers(len(entries)))])
            clip = _pass_over(clip, _pan(other, width, height, 1, rng, still=True)[0], rng)
        yield entry["file"], clip


def eval_clips(folder: Path, width: int, height: int) -> Iterator[tuple[str, Clip]]:
    """(name, clip) of the evaluation split, never used for training."""
    for path in sorted((folder / "eval").glob("*.mp4")):
        yield path.stem, read_clip(path, width, height)


def read_clip(path: Path, width: int, height: int, limit: int | None = None) -> Clip:
    """All frames, or the first `limit`, scaled to cover width x height and cropped around the centre."""
    with VideoReader(path, width, height, "crop") as reader:
        pictures = (item.picture for item in reader if isinstance(item, SourceFrame))
        return np.stack(list(itertools.islice(pictures, limit)))


def manifest_entries(folder: Path, split: str, kind: str) -> list[dict[str, str]]:
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    return [e for e in manifest if e["split"] == split and e["kind"] == kind and not EXCLUDED_TAGS & set(e["tags"])]


def _photo(folder: Path, entry: dict[str, str]) -> Clip:
    return cv2.cvtColor(cv2.imread(str(folder / entry["file"])), cv2.COLOR_BGR2RGB)


def _pan(picture: Clip, width: int, height: int, frames: int, rng: np.random.Generator, *, still: bool) -> Clip:
    tall, wide = picture.shape[:2]
    largest = min(wide / width, tall / height)
    ends = rng.uniform([0.75, 0.0, 0.0], 1.0, (2, 3))  # zoom, x, y
    if still:
        ends[1] = ends[0]
    out = []
    for zoom, x, y in np.linspace(*ends, frames) * (largest, 1, 1):
        w, h = width * zoom, height * zoom
        matrix = np.array([[zoom, 0, x * (wide - w)], [0, zoom, y * (tall - h)]], dtype=np.float32)
        flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
        out.append(cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return np.stack(out)


def _pass_over(clip: Clip, picture: Clip, rng: np.random.Generator) -> Clip:
    """The clip with a rectangle or an ellipse of the picture [H, W, 3] moving across it in a straight line."""
    frames, height, width, _ = clip.shape
    size = rng.uniform(0.12, 0.5, 2) * (width, height) / 2
    ends = rng.uniform(0, 1, (2, 2)) * (width, height)
    middle = rng.uniform(0.3, 0.7, 2) * (width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    power = 2 if rng.random() < 0.5 else 8
    out = []
    for frame, at in zip(clip, np.linspace(*ends, frames), strict=True):
        shift = np.array([[1, 0, at[0] - middle[0]], [0, 1, at[1] - middle[1]]], dtype=np.float32)
        moved = cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
        distance = np.abs((x - at[0]) / size[0]) ** power + np.abs((y - at[1]) / size[1]) ** power
        cover = np.clip((1 - distance ** (1 / power)) * size.min(), 0, 1)[..., None]  # an edge one pixel wide
        out.append((frame * (1 - cover) + moved * cover).astype(np.uint8))
    return np.stack(out)
