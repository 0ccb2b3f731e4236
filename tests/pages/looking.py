"""What the browser tests ask of any page: barriers by axe-core, what is cut, the way of the tab key, contrast as it is seen."""

from __future__ import annotations

import io
import os
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Locator, Page

AXE = Path(__file__).parents[2] / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
# As Chromium names them: without colour, and the three colour visions that lack a kind of cone.
VISIONS = ("achromatopsia", "deuteranopia", "protanopia", "tritanopia")

# Cells and blocks whose content is wider than themselves, and texts of a figure that leave it.
CUT_OFF = """() => {
  const wide = [...document.querySelectorAll('td, th, p, li, dd, h1:not(.for-ears), h2, h3, caption, nav')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')
    .filter(e => e.closest('thead') === null || getComputedStyle(e.closest('thead')).position !== 'absolute')
    .map(e => e.textContent.slice(0, 60));
  const out = [...document.querySelectorAll('.figure')].flatMap(figure => {
    const box = figure.getBoundingClientRect();
    return [...figure.querySelectorAll('text')].map(e => [e.getBoundingClientRect(), e.textContent])
      .filter(([r]) => r.width > 0 && (r.left < box.left - 1 || r.right > box.right + 1)).map(([, t]) => t);
  });
  return wide.concat(out);
}"""
FIGURES_FIT = """() => [...document.querySelectorAll('.figure')]
  .every(f => f.querySelector('svg').getBoundingClientRect().width <= f.clientWidth + 1)"""
SCROLLS_BY = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_VIOLATED = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', '))"""
# Where the tab key stands: its place among all that can be reached, where it is on the page, and whether its ring is drawn.
_STANDS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return {place: [...document.querySelectorAll('a[href], summary, button, input, select, textarea')].indexOf(e),
          top: box.top + scrollY, bottom: box.bottom + scrollY, ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
}"""
_REACHABLE = """() => [...document.querySelectorAll('a[href], summary, button, input, select, textarea')]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true, contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0).length"""


def barriers(page: Page) -> list[str]:
    """What axe-core finds wrong: the rule, and where. Without axe-core: skipped by name and reason, or failed where CI's switch
    says that the browser tests must run and npm is there to bring it."""
    if not AXE.exists():
        why = "no axe-core (npm), so barriers of the pages were not looked for (make axe)"
        if os.environ.get("CMVMON_REQUIRE_BROWSER") == "1" and shutil.which("npm"):
            pytest.fail(why)
        pytest.skip(why)
    page.evaluate(AXE.read_text(encoding="utf-8"))  # by the debugger: the page's own policy lets no such script in
    found: list[str] = page.evaluate(_VIOLATED)
    return found


def tab_stops(page: Page) -> list[dict[str, Any]]:
    """Where the tab key leads, from the top of the page until it leaves it."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    stops: list[dict[str, Any]] = []
    for _ in range(page.evaluate(_REACHABLE) + 1):  # one more would be a trap
        page.keyboard.press("Tab")
        stop = page.evaluate(_STANDS)
        if stop is None:
            break
        stops.append(stop)
    return stops


def odd_stops(page: Page) -> list[str]:
    """Faults of the way of the tab key: what it misses, against the order of the page, upwards, or without a ring."""
    stops, n = tab_stops(page), page.evaluate(_REACHABLE)
    faults = [] if len(stops) == n else [f"{len(stops)} stops of {n} that can be reached"]
    faults += [f"back to place {b['place']}" for a, b in pairwise(stops) if b["place"] <= a["place"]]
    faults += [f"upwards to place {b['place']}" for a, b in pairwise(stops) if b["bottom"] < a["top"] - 1]
    return faults + [f"no ring at place {stop['place']}" for stop in stops if not stop["ring"]]


def seen_by(session: CDPSession, vision: str) -> None:
    """From now on the page is drawn as somebody of that vision sees it; `none`: as it is."""
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": vision})


def contrast(element: Locator) -> float:
    """The highest contrast within what is drawn of an element, as WCAG 2.2 counts it: of its darkest to its lightest pixel."""
    picture = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    found = picture.getcolors(picture.width * picture.height) or []
    light = sorted(_luminance(colour) for _, colour in found if isinstance(colour, tuple))
    return (light[-1] + 0.05) / (light[0] + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [value / 255 for value in colour[:3]]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
