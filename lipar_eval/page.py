"""The report as one self-contained HTML file with tables, curves and pictures."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from lipar_eval.summary import Row

TEMPLATE = Path(__file__).parent / "page.html"


def write_page(path: Path, title: str, notes: Sequence[str], sections: Sequence["Section"]) -> None:
    """Write the report; sections come in the order given."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    path.write_text(template.render(title=title, notes=notes, sections=sections, shown=_format_cell), encoding="utf-8")


class Section:
    """A heading, a text, a table, and pictures as data: URLs."""

    def __init__(self, title: str, text: str, rows: Sequence[Row] = (), pictures: Sequence[str] = ()) -> None:
        self.title = title
        self.text = text
        self.rows = rows
        self.pictures = pictures


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str, y_label: str, title: str = ""
) -> str:
    """A line per name, as an SVG data: URL."""
    with matplotlib.rc_context({"svg.hashsalt": "lipar"}):
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axes = figure.subplots()
        for name, (x, y) in series.items():
            axes.plot(x, y, marker="o", label=name)
        axes.set(xlabel=x_label, ylabel=y_label, title=title)
        axes.grid(alpha=0.3)
        axes.legend()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def strip(pictures: Sequence[NDArray[np.uint8]]) -> str:
    """RGB pictures [H, W, 3] side by side, as a JPEG data: URL."""
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(pictures), axis=1)).save(buffer, format="JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _format_cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
