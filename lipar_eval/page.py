"""The report as one self-contained HTML file with tables, curves and pictures."""

from collections.abc import Sequence
from pathlib import Path

import jinja2

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


def _format_cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
