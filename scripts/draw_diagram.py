"""Draw an architecture diagram: a YAML file with groups, boxes and arrows to an SVG beside it.

python scripts/draw_diagram.py docs/images/architecture.yaml
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

LINE_HEIGHT = 18  # pixels
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; text-anchor: middle; }
  .title { font-weight: 600; fill: #57606a; text-anchor: start; }
  .bold { font-weight: 600; }
  .label { font-size: 12px; fill: #57606a; }
  .page { fill: #ffffff; }
  .group { fill: #f6f8fa; stroke: #d0d7de; }
  .box { fill: #ffffff; stroke: #57606a; }
  .shade { fill: #fff1d6; stroke: #9a6700; }
  .arrow { fill: none; stroke: #1f2328; stroke-width: 1.4; }
"""
MARKERS = """<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" \
orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#1f2328"/></marker>"""


@dataclass(frozen=True)
class Rectangle:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def svg(self, kind: str) -> str:
        size = f'width="{self.width}" height="{self.height}"'
        return f'<rect class="{kind}" x="{self.x}" y="{self.y}" {size} rx="6"/>'


def draw(diagram: dict[str, Any]) -> str:
    """The SVG of a diagram as `docs/images/architecture.yaml` has it."""
    width, height = diagram["size"]
    boxes = {name: Rectangle(*box["box"]) for name, box in diagram["boxes"].items()}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f"<defs>{MARKERS}</defs>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        *(line for group in diagram["groups"] for line in draw_group(group)),
        *(line for name, box in diagram["boxes"].items() for line in draw_box(boxes[name], box)),
        *(line for arrow in diagram["arrows"] for line in draw_arrow(arrow, boxes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def draw_group(group: dict[str, Any]) -> list[str]:
    box = Rectangle(*group["box"])
    return [box.svg("group"), draw_text(group["title"], box.x + 12, box.y + 22, "title")]


def draw_box(box: Rectangle, content: dict[str, Any]) -> list[str]:
    """The box with its lines of text, centred; `**...**` is bold."""
    lines = content["text"]
    top = box.y + (box.height - LINE_HEIGHT * len(lines)) / 2 + 13
    centre = box.x + box.width / 2
    drawn = [box.svg("shade" if content.get("shade") else "box")]
    for number, line in enumerate(lines):
        kind = "bold" if line.startswith("**") else ""
        if line:
            drawn.append(draw_text(line.strip("*"), centre, top + number * LINE_HEIGHT, kind))
    return drawn


def draw_arrow(arrow: dict[str, Any], boxes: dict[str, Rectangle]) -> list[str]:
    points = arrow_points(arrow, boxes[arrow["from"]], boxes[arrow["to"]])
    path = " ".join(f"{x},{y}" for x, y in points)
    start = ' marker-start="url(#head)"' if arrow.get("both") else ""
    drawn = [f'<polyline class="arrow" points="{path}" marker-end="url(#head)"{start}/>']
    if "label" in arrow:
        (x0, y0), (x1, _) = points
        drawn.append(draw_text(arrow["label"], (x0 + x1) / 2, y0 - 7, "label"))
    return drawn


def arrow_points(arrow: dict[str, Any], start: Rectangle, end: Rectangle) -> list[tuple[float, float]]:
    """A vertical arrow at `x` or a horizontal one at `y`, between the facing sides of two boxes."""
    if "x" in arrow:
        return [(arrow["x"], start.bottom), (arrow["x"], end.y)]
    start_x, end_x = (start.right, end.x) if start.x < end.x else (start.x, end.right)
    return [(start_x, arrow["y"]), (end_x, arrow["y"])]


def draw_text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def main() -> None:
    source = Path(sys.argv[1])
    diagram = yaml.safe_load(source.read_text(encoding="utf-8"))
    source.with_suffix(".svg").write_text(draw(diagram), encoding="utf-8")


if __name__ == "__main__":
    main()
