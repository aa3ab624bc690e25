"""The picture in the README and on the page: `python -m benchmarks.strip`.

A row per clip: the source, three edited styles, and the last one's computed (orange) and reused (blue) tokens.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from lipar_cli.bench import CLIPS
from lipar_core.models.loading import Models, load_models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters, load_preset
from lipar_eval.clips import Clip, read_clip, to_picture
from lipar_eval.edited_clips import edit_clip
from lipar_video.overlay import tint_by_keep_mask

TARGET = Path(__file__).parent.parent / "web_client" / "public" / "strip.webp"
FRAMES = {"webcam_desk": 60, "cups": 24}  # clip -> frame
STYLES = ("Watercolour", "Pop art", "Thermal")
GAP = 4  # white pixels between pictures


def main() -> None:
    models = load_models(load_preset("tiny"))
    rows = [_row(models, read_clip(CLIPS / f"{name}.mp4", models, at + 8), at) for name, at in FRAMES.items()]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    picture = np.concatenate([rows[0], *(part for row in rows[1:] for part in (gap, row))])
    TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(TARGET, quality=80, method=6)
    print(f"wrote {TARGET}, {TARGET.stat().st_size / 1000:.0f} kB")


def _row(models: Models, clip: Clip, at: int) -> np.ndarray:
    prompts = {style.name: style.prompt for style in models.preset.styles}
    pictures = [clip.frames[at].permute(1, 2, 0).numpy()]
    for name in STYLES:
        edited = edit_clip(models, clip, merge(default_parameters(models.preset, live=True), {"prompt": prompts[name]}))
        pictures.append(to_picture(edited.frames[at]))
    pictures.append(tint_by_keep_mask(pictures[-1], edited.keep[at].numpy()))
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([pictures[0], *(part for picture in pictures[1:] for part in (gap, picture))], axis=1)


if __name__ == "__main__":
    main()
