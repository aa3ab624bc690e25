"""A contact sheet of all styles on four faces and two scenes, for the docs; chosen by a fixed rule.

Of the publishable evaluation clips, in the manifest's order: the first two with a person at two times each, and the
first two without at one. Two rows per picture, the source first.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lipar_core.models.loading import Models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters
from lipar_eval.clips import Clip, read_clip, to_picture
from lipar_eval.edited_clips import edit_clip

PUBLISHED = ("explicit", "repo")  # licence classes of the manifest
EARLY, LATE = 24, 47  # frames of a clip
SCALE = 2  # the sheet shows pictures at 1 / SCALE of their size

Picture = NDArray[np.uint8]


def write_sheet(models: Models, media: Path, target: Path) -> list[str]:
    """Write the sheet; returns the required attributions."""
    entries = [e for e in json.loads((media / "MANIFEST.json").read_text()) if e["split"] == "eval"]
    entries = [entry for entry in entries if entry["licence_class"] in PUBLISHED]
    people = [entry for entry in entries if "person" in entry["tags"]][:2]
    scenes = [entry for entry in entries if "person" not in entry["tags"]][:2]
    rows: list[Picture] = []
    for entry in (*people, *scenes):
        clip = read_clip(media / entry["file"], models, LATE + 1)
        rows += _rows(models, clip, (EARLY, LATE) if entry in people else (LATE,))
    Image.fromarray(np.concatenate(rows)).save(target, quality=85, optimize=True)
    return [f"{Path(entry['file']).name}: {entry['attribution']}" for entry in (*people, *scenes)]


def _rows(models: Models, clip: Clip, times: tuple[int, ...]) -> list[Picture]:
    """Two rows for each time."""
    tiles: dict[int, list[Picture]] = {at: [_tile("source", clip.frames[at].permute(1, 2, 0).numpy())] for at in times}
    base = default_parameters(models.preset)
    for style in models.preset.styles:
        frames = edit_clip(models, clip, merge(base, {"prompt": style.prompt})).frames
        for at in times:
            tiles[at].append(_tile(style.name, to_picture(frames[at])))
    return [row for at in times for row in _two_rows(tiles[at])]


def _two_rows(tiles: list[Picture]) -> list[Picture]:
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (len(tiles) % 2)]
    half = len(tiles) // 2
    return [np.concatenate(part, axis=1) for part in (tiles[:half], tiles[half:])]


def _tile(name: str, picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    image = Image.fromarray(picture).resize((width // SCALE, height // SCALE), Image.Resampling.LANCZOS)
    ImageDraw.Draw(image).text((4, 2), name, fill=(255, 255, 255), stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(image)
