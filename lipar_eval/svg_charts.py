"""Charts as SVG, written by hand: a report of `lipar bench` needs no plotting package and no network."""

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 560, 300  # without the legend
LEFT, RIGHT, TOP, BOTTOM = 60, 16, 12, 44  # margins
LEGEND_COLUMNS, LEGEND_HEIGHT = 3, 16
COLOURS = ("#1f5fa8", "#c2571a", "#2b8a3e", "#8a3ffc", "#a61e4d", "#5c677d", "#0b7285", "#7a5c00")
ROW_HEIGHT, LABEL_WIDTH, NUMBER_WIDTH = 22, 270, 70
TICKS = 5

Points = Sequence[tuple[float, float]]


def line_chart(series: Mapping[str, Points], x_label: str, y_label: str, *, markers: bool = True) -> str:
    """A line per name, both axes from 0, as a data: URL."""
    points = [point for line in series.values() for point in line]
    x_ticks = _ticks(max((x for x, _ in points), default=1.0))
    y_ticks = _ticks(max((y for _, y in points), default=1.0))
    across, up = (WIDTH - LEFT - RIGHT) / x_ticks[-1], (HEIGHT - TOP - BOTTOM) / y_ticks[-1]
    parts = [_axes(x_ticks, y_ticks, across, up, x_label, y_label), _legend(list(series))]
    for number, line in enumerate(series.values()):
        colour = COLOURS[number % len(COLOURS)]
        at = [(LEFT + x * across, HEIGHT - BOTTOM - y * up) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if markers:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
    rows = -(-len(series) // LEGEND_COLUMNS)
    return _data_url(WIDTH, HEIGHT + rows * LEGEND_HEIGHT, parts)


def bar_chart(values: Mapping[str, float], title: str) -> str:
    """A horizontal bar per name, in the order given, as a data: URL; title: what they measure."""
    largest = max(values.values(), default=1.0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / largest
    parts = [_text(LABEL_WIDTH, 14, title)]
    for number, (name, value) in enumerate(values.items()):
        y = (number + 1) * ROW_HEIGHT
        parts.append(_text(LABEL_WIDTH - 8, y + 13, name, anchor="end"))
        parts.append(
            f'<rect x="{LABEL_WIDTH}" y="{y}" width="{value * scale:.1f}" height="16" fill="{COLOURS[number > 0]}"/>'
        )
        parts.append(_text(LABEL_WIDTH + value * scale + 6, y + 13, f"{value:.4g}"))
    return _data_url(WIDTH, (len(values) + 1) * ROW_HEIGHT + 4, parts)


def _legend(names: Sequence[str]) -> str:
    """Below the plot."""
    parts = []
    for number, name in enumerate(names):
        x = LEFT + number % LEGEND_COLUMNS * (WIDTH - LEFT - RIGHT) // LEGEND_COLUMNS
        y = HEIGHT + number // LEGEND_COLUMNS * LEGEND_HEIGHT
        parts.append(f'<rect x="{x}" y="{y}" width="10" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>')
        parts.append(_text(x + 14, y + 9, name))
    return "".join(parts)


def _axes(
    x_ticks: Sequence[float], y_ticks: Sequence[float], across: float, up: float, x_label: str, y_label: str
) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path d="M{LEFT},{TOP} V{bottom} H{right}" fill="none" stroke="#444"/>']
    for tick in x_ticks:
        parts.append(_text(LEFT + tick * across, bottom + 16, f"{tick:g}", anchor="middle"))
    for tick in y_ticks:
        y = bottom - tick * up
        parts.append(f'<path d="M{LEFT},{y:.1f} H{right}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tick:g}", anchor="end"))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 8, x_label, anchor="middle"))
    middle = (TOP + bottom) / 2
    turned = f'transform="rotate(-90 14 {middle})"'
    parts.append(_text(14, middle, y_label, anchor="middle", attributes=turned))
    return "".join(parts)


def _ticks(largest: float) -> list[float]:
    """Round numbers from 0 until at least the largest value."""
    if not largest > 0:
        return [0.0, 1.0]
    power = 10 ** math.floor(math.log10(largest / TICKS))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power * TICKS >= largest)
    return [round(step * number, 10) for number in range(math.ceil(largest / step - 1e-9) + 1)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {attributes}>{escape(text)}</text>'


def _data_url(width: int, height: int, parts: Sequence[str]) -> str:
    body = "".join(parts)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#222"><rect width="100%" height="100%" '
        f'fill="#fff"/>{body}</svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
