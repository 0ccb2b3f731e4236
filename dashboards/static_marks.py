"""The marks of a static figure: the same symbols as Plotly's, by shape and by filled or open, so that grey tells them apart."""

from __future__ import annotations

from typing import Any

from cmvmon.domain.errors import ProgramError

# Corners in shares of half the mark's size.
_CORNERS = {
    "triangle-down": ((-1.15, -0.75), (1.15, -0.75), (0, 1.1)),
    "triangle-up": ((-1.15, 0.75), (1.15, 0.75), (0, -1.1)),
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
}


def mark(look: dict[str, Any], x: float, y: float, title: str) -> str:
    """The SVG of one mark of a Plotly marker, `title` inside it. Raises ProgramError for a symbol without a static form."""
    symbol = str(look["symbol"]).removesuffix("-open")
    is_filled = not str(look["symbol"]).endswith("-open")
    half, color = look["size"] / 2, look["color"]
    rim = f' stroke="{color}" stroke-width="1.5"' if look.get("line") else ""
    fill = f' fill="{color if is_filled else "#fff"}"{rim}'
    if symbol == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{half:g}"{fill}>{title}</circle>'
    if symbol not in _CORNERS:
        raise ProgramError(f"a static figure has no mark {symbol!r}")
    corners = " ".join(f"{x + a * half:.1f},{y + b * half:.1f}" for a, b in _CORNERS[symbol])
    return f'<polygon points="{corners}"{fill}>{title}</polygon>'
