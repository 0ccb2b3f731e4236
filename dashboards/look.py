"""How the figure looks: colours, sizes, symbols, and text that Plotly shows to the letter."""

from __future__ import annotations

from cmvmon.domain import words

# Okabe-Ito blue for what was measured, black and grey for the rest: shape and words carry the meaning, colour does not.
DATA, INK, LINE, GRID = "#0072B2", "#000000", "#595959", "#D9D9D9"
# The fitted trajectory: grey, so that it stands back behind what was measured; its band is paler after the last result.
TRAJECTORY, BAND, BAND_AFTER = "#404040", "rgba(0,0,0,0.16)", "rgba(0,0,0,0.08)"
VEIL = "rgba(255,255,255,0.6)"  # behind the name of a line
FONT_PX = 16  # 12 pt on screen and paper
FONT = "'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
TITLE_PX, LANE_PX, TOP_PX, BOTTOM_PX, LEFT_PX = 30, 44, 28, 46, 96
# A panel is as high as lets the whole figure stand on one sheet, within what its labels need and what reads well.
SHEET_PX, LOWEST_PANEL_PX, HIGHEST_PANEL_PX = 900, 150, 200
LONGEST_LABEL = 34
# How much of a panel the name of a line takes: in height, and in width on the narrowest screen.
LABEL_DECADES, LABEL_SHARE = 0.9, 0.7

# Detection -> symbol when settled, when preliminary. Shapes differ, so that the figure reads in grey.
SYMBOLS: dict[str, tuple[str, str]] = {
    words.QUANTIFIED: ("circle", "circle-open"),
    words.BELOW_LLOQ: ("triangle-down-open", "triangle-down-open"),
    words.NOT_DETECTED: ("square-open", "square-open"),
    words.ABOVE_ULOQ: ("triangle-up", "triangle-up-open"),
}


def literal(text: str) -> str:
    """`text` as Plotly shows it to the letter, on one line."""
    plain = " ".join(text.split())
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
