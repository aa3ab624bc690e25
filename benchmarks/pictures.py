"""Renders all documentation pictures with the current bundled model: `python -m benchmarks.pictures --media DIR`.

The strip of the README and the page (`benchmarks/strip.py`), the pictures on the page's style buttons
(`benchmarks/thumbnails.py`), and the sheet of all styles in the docs (`benchmarks/sheet.py`). DIR holds MANIFEST.json
and eval/.
"""

import argparse
from pathlib import Path

from benchmarks import strip
from benchmarks.sheet import write_sheet
from benchmarks.thumbnails import write_thumbnails
from lipar_core.models.loading import load_models
from lipar_core.presets import load_preset
from lipar_core.sizes import with_size

SHEET, SIZE = Path(__file__).parent.parent / "docs" / "images" / "styles.jpg", "416x240"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="folder with MANIFEST.json and eval/")
    parser.add_argument(
        "--sheet", type=Path, default=SHEET, help="output file of the contact sheet, which NOTICE must list"
    )
    args = parser.parse_args()
    models = load_models(with_size(load_preset("tiny"), SIZE))
    strip.main()
    print(f"wrote {write_thumbnails(models)}")
    attributions = write_sheet(models, args.media, args.sheet)
    print(f"wrote {args.sheet}, {args.sheet.stat().st_size / 1000:.0f} kB; for NOTICE:", *attributions, sep="\n  ")


if __name__ == "__main__":
    main()
