"""How the figure looks: colours, sizes, symbols, and text that Plotly shows to the letter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cmvmon.domain import words

# Okabe-Ito blue for what was measured, black and grey for the rest: shape and words carry the meaning, colour does not.
DATA, INK, LINE, GRID = "#0072B2", "#000000", "#595959", "#D9D9D9"
# The fitted trajectory: grey, so that it stands back behind what was measured; its band is paler after the last result.
TRAJECTORY, BAND, BAND_AFTER = "#404040", "rgba(0,0,0,0.16)", "rgba(0,0,0,0.08)"
VEIL = "rgba(255,255,255,0.6)"  # behind the name of a line
FONT = "'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
# Bars of lanes: pale, with a black outline, so that the text on them is read and grey tells them from what was measured.
THERAPY, BREATHING = "#D6E6F2", "#E8E8E8"


@dataclass(frozen=True)
class Sizes:
    """How large the parts of a figure are, in px.

    A panel is as high as lets the whole figure stand in `sheet_px`, between `lowest_px` and `highest_px`.

    Attributes:
        label_decades, label_share: how much of a panel the name of a line takes, in height, and in width on the narrowest screen.
        plot_px: the narrowest width of a plot, for what must not run over its neighbour.
        longest_label: letters of a lane's name.
        tick_decades: from one number of the axis to the next.
        label_shift_px: by how much the name of a lane begins before the plot.
    """

    font_px: int
    title_px: int
    lane_px: int
    top_px: int
    bottom_px: int
    left_px: int
    right_px: int
    sheet_px: int
    lowest_px: int
    highest_px: int
    label_decades: float
    label_share: float
    plot_px: int
    longest_label: int
    marker_px: int
    tick_decades: int = 1
    label_shift_px: int = 0

    @property
    def text_px(self) -> int:
        """The height of a line of text."""
        return round(self.font_px * 1.3)


# On the screen 12 pt. On paper the figure shares one sheet with all else: 8.5 pt, as the tables there.
SCREEN = Sizes(
    font_px=16, title_px=30, lane_px=46, top_px=28, bottom_px=46, left_px=96, right_px=26, sheet_px=900, lowest_px=150,
    highest_px=200, label_decades=0.9, label_share=0.7, plot_px=236, longest_label=42, marker_px=12, label_shift_px=-92,
)  # fmt: skip
PAPER = Sizes(
    font_px=11, title_px=16, lane_px=30, top_px=14, bottom_px=28, left_px=100, right_px=18, sheet_px=420, lowest_px=56,
    highest_px=110, label_decades=1.5, label_share=0.35, plot_px=600, longest_label=100, marker_px=8, tick_decades=2,
)  # fmt: skip

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


FONT_PX = SCREEN.font_px


# Of Arial and its kin, in shares of the height of the font.
_WIDTHS = dict.fromkeys("ijl'|", 0.24) | dict.fromkeys("ft.,:;!/ ·", 0.28) | dict.fromkeys("()[]r-°", 0.34)
_WIDTHS |= (
    dict.fromkeys("ckszvxyJ", 0.5)
    | dict.fromkeys("mMW%@", 0.86)
    | dict.fromkeys("ABEKPSVXYwCDHNRUGOQ", 0.7)
    | dict.fromkeys("→●▽□△◆◇", 1.0)
)
_USUAL_WIDTH = 0.56


@lru_cache(maxsize=8192)
def width_px(text: str, font_px: float) -> float:
    """About how wide a text is in this font: what must not run over its neighbour is kept clear by it."""
    return font_px * sum(_WIDTHS.get(letter, _USUAL_WIDTH) for letter in text)
