"""A picture of a table: one row per method, one dot per day with its error, one panel per compartment; SVG as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.quality_scores import Figure

ROW, PANEL, LEFT, TOP, GAP = 26, 270, 325, 62, 40  # px
COLOURS = ("#1b6ca8", "#c46210", "#5b2a86")  # told apart without colour by their shapes below
Dots = Mapping[str, Sequence[Figure]]  # by row: one figure per day


@dataclass(frozen=True)
class Picture:
    """What is drawn: values below `lowest` stand at the left edge, with an arrow."""

    title: str
    days: Sequence[int]
    lowest: float
    highest: float
    step: float
    digits: int
    band: tuple[float, float]
    band_says: str


def drawn(picture: Picture, panels: Mapping[str, Dots]) -> str:
    """The SVG."""
    rows = list(next(iter(panels.values())))
    width = LEFT + len(panels) * (PANEL + GAP)
    height = TOP + ROW * len(rows) + 62
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        f"<title>{escape(picture.title)}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(picture.title)}</text>',
    ]
    parts += [f'<text x="12" y="{_middle(i) + 4}">{escape(name)}</text>' for i, name in enumerate(rows)]
    for k, (name, dots) in enumerate(panels.items()):
        parts += _panel(picture, name, [dots[row] for row in rows], LEFT + k * (PANEL + GAP))
    parts += _legend(picture, height - 12)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _middle(row: int) -> float:
    return TOP + ROW * (row + 0.5)


def _panel(picture: Picture, name: str, rows: Sequence[Sequence[Figure]], left: float) -> list[str]:
    bottom = TOP + ROW * len(rows)

    def x(value: float) -> float:
        span = picture.highest - picture.lowest
        return left + PANEL * (min(max(value, picture.lowest), picture.highest) - picture.lowest) / span

    a, b = (x(edge) for edge in picture.band)
    parts = [
        f'<text x="{left}" y="{TOP - 10}" font-weight="bold">{escape(name)}</text>',
        f'<rect x="{a:.1f}" y="{TOP}" width="{max(b - a, 1.5):.1f}" height="{ROW * len(rows)}" fill="#d9ead3"/>',
    ]
    for i in range(round((picture.highest - picture.lowest) / picture.step) + 1):
        value = picture.lowest + i * picture.step
        parts.append(f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x(value):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555">{value:.{picture.digits}f}</text>'
        )
    for i, figures in enumerate(rows):
        for k, figure in enumerate(figures):
            parts += _dot(figure, x, _middle(i) + 6.0 * (k - 0.5 * (len(figures) - 1)), k, picture.lowest)
    return parts


def _dot(figure: Figure, x: Callable[[float], float], y: float, k: int, lowest: float) -> list[str]:
    """The mark of one figure with its 95 % Monte Carlo interval; nothing where there is no figure."""
    if not math.isfinite(figure.value):
        return []
    at, colour = x(figure.value), COLOURS[k]
    if figure.value < lowest:
        return [f'<path d="M {at + 8:.1f} {y - 3:.1f} L {at:.1f} {y:.1f} L {at + 8:.1f} {y + 3:.1f}" fill="{colour}"/>']
    half = 1.96 * figure.error if math.isfinite(figure.error) else 0.0
    line = (
        f'<line x1="{x(figure.value - half):.1f}" x2="{x(figure.value + half):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke="{colour}" stroke-width="1.5"/>'
    )
    return [line, _mark(at, y, k)]


def _mark(x: float, y: float, k: int) -> str:
    colour = COLOURS[k]
    if k == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}"/>'
    if k == 1:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{colour}"/>'
    return f'<path d="M {x:.1f} {y - 4:.1f} L {x + 4:.1f} {y + 3:.1f} L {x - 4:.1f} {y + 3:.1f} Z" fill="{colour}"/>'


def _legend(picture: Picture, y: float) -> list[str]:
    parts = []
    for k, day in enumerate(picture.days):
        parts.append(_mark(LEFT + 80.0 * k, y - 4, k))
        parts.append(f'<text x="{LEFT + 80.0 * k + 10}" y="{y}">day {day}</text>')
    at = LEFT + 80.0 * len(picture.days)
    parts.append(f'<rect x="{at}" y="{y - 11}" width="14" height="12" fill="#d9ead3"/>')
    parts.append(f'<text x="{at + 20}" y="{y}">{escape(picture.band_says)}; left arrow: further left</text>')
    return parts
