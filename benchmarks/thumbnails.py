"""A small picture of every style for the page's style buttons."""

from pathlib import Path

from PIL import Image

from lipar_cli.bench import CLIPS
from lipar_core.models.loading import Models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters
from lipar_eval.clips import read_clip, to_picture
from lipar_eval.edited_clips import edit_clip

FOLDER = Path(__file__).parent.parent / "web_client" / "public" / "styles"
CLIP, FRAME = "webcam_desk", 60
SIZE = (112, 64)  # pixels, of twice the density that the page shows them at


def write_thumbnails(models: Models) -> Path:
    """Write a JPEG file for each style of the preset; returns their folder."""
    folder = FOLDER / models.preset.name
    folder.mkdir(parents=True, exist_ok=True)
    clip = read_clip(CLIPS / f"{CLIP}.mp4", models, FRAME + 8)
    for style in models.preset.styles:
        parameters = merge(default_parameters(models.preset), {"prompt": style.prompt})
        frame = edit_clip(models, clip, parameters).frames[FRAME]
        picture = Image.fromarray(to_picture(frame))
        picture.resize(SIZE, Image.Resampling.LANCZOS).save(folder / f"{style.slug}.jpg", quality=80, optimize=True)
    return folder
