"""The pictures of the tuning guide: `python -m benchmarks.tuning_pictures`.

Each shows one frame of a clip four times, edited by the bundled model with one parameter changed; the parameter's value
and the measured keep ratio of that frame stand above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lipar_cli.bench import CLIPS
from lipar_core.models.loading import Models, load_models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters, load_preset
from lipar_eval.clips import Clip, read_clip, to_picture
from lipar_eval.edited_clips import edit_clip
from lipar_video.overlay import tint_by_keep_mask

FOLDER = Path(__file__).parent.parent / "docs" / "images"
CLIP, FRAME = "webcam_desk", 60
GAP, LABEL = 4, 18  # white pixels between pictures; rows of the label


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Four pictures, two by two; `changes`: label and parameters of each."""

    name: str
    prompt: str
    changes: Sequence[tuple[str, dict[str, object]]]
    overlay: bool  # tint computed tokens orange and reused ones blue


FIGURES = (
    Figure(
        name="tuning_threshold",
        prompt="a watercolour painting",
        changes=[(f"threshold {value}", {"pruning": {"threshold": value}}) for value in (2, 6, 14, 30)],
        overlay=True,
    ),
    Figure(
        name="tuning_ghosts",
        prompt="a pencil sketch",
        changes=[
            ("pruning off", {"pruning": {"enabled": False}}),
            ("threshold 6", {"pruning": {"threshold": 6}}),
            ("threshold 30", {"pruning": {"threshold": 30}}),
            ("threshold 30, max_age 4", {"pruning": {"threshold": 30, "max_age": 4}}),
        ],
        overlay=False,
    ),
    Figure(
        name="tuning_tau",
        prompt="a watercolour painting",
        changes=[
            (f"tau {tau}, tau2 {tau2}", {"pruning": {"detector": "lipar", "tau": tau, "tau2": tau2}})
            for tau, tau2 in ((0.1, 0.1), (0.24, 0.2), (0.5, 0.2), (0.5, 0.5))
        ],
        overlay=True,
    ),
    Figure(
        name="tuning_strength",
        prompt="a comic book with black outlines",
        changes=[(f"strength {value}", {"strength": value}) for value in (0.0, 0.02, 0.2, 0.5)],
        overlay=False,
    ),
)


def main() -> None:
    models = load_models(load_preset("tiny"))
    clip = read_clip(CLIPS / f"{CLIP}.mp4", models, FRAME + 8)
    for figure in FIGURES:
        target = FOLDER / f"{figure.name}.jpg"
        Image.fromarray(_grid(models, clip, figure)).save(target, quality=85, optimize=True)
        print(f"wrote {target}, {target.stat().st_size / 1000:.0f} kB")


def _grid(models: Models, clip: Clip, figure: Figure) -> np.ndarray:
    pictures = [_picture(models, clip, figure, label, changes) for label, changes in figure.changes]
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    pairs = zip(pictures[::2], pictures[1::2], strict=True)
    return np.concatenate([np.concatenate([left, gap, right], axis=1) for left, right in pairs])


def _picture(models: Models, clip: Clip, figure: Figure, label: str, changes: dict[str, object]) -> np.ndarray:
    start = default_parameters(models.preset, live=True)
    edited = edit_clip(models, clip, merge(start, {"prompt": figure.prompt, **changes}))
    picture = to_picture(edited.frames[FRAME])
    keep = edited.keep[FRAME].numpy()
    if figure.overlay:
        picture = tint_by_keep_mask(picture, keep)
    return np.concatenate([_label(f"{label}: {keep.mean():.0%} computed", picture.shape[1]), picture])


def _label(text: str, width: int) -> np.ndarray:
    canvas = Image.new("RGB", (width, LABEL), "white")
    ImageDraw.Draw(canvas).text((2, 2), text, fill="black", font_size=12)
    return np.asarray(canvas)


if __name__ == "__main__":
    main()
