"""What the browser tests ask of any page: barriers by axe-core, what is cut, the way of the tab key, contrast as it is seen."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Collection, Mapping
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
  const wide = [...document.querySelectorAll('td, th, p, li, dd, h1:not(.for-ears), h2, h3, caption, nav, label, button')]
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
# Dates, times, numbers with their unit, and these names, of which one end stands on another line than the other; with every fold open.
_BROKEN = r"""names => {
  const whole = new RegExp([
    '\\d{2}-\\d{2}-\\d{4}', '\\d{1,2} (jan|feb|mrt|mar|apr|mei|may|jun|jul|aug|sept?|okt|oct|nov|dec)\\b( \\d{4})?', '\\d{1,2}:\\d{2}',
    '(?<![\\w.,])\\d[\\d.,]* (I[EU]/m[lL]|log10|mg(/\\w+)?|m[lL]/\\w+|[mu]mol/[lL]|mmHg|x 10\\^9/[lL]|dag|dagen|days?|uur|hours?|h|d|weken|weeks?)\\b',
    ...names.map(name => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  ].join('|'), 'gi');
  const folds = [...document.querySelectorAll('details:not([open])')];
  folds.forEach(e => { e.open = true; });
  const broken = [];
  let seen = 0;
  for (const block of document.querySelectorAll('p, li, dd, dt, td, th, h1, h2, h3, summary, caption, label, .line')) {
    if (block.querySelector('p, li, dd, td, summary, .line') || !block.checkVisibility()) continue;
    const texts = [], nodes = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    for (let n = nodes.nextNode(); n; n = nodes.nextNode()) if (!n.parentElement.closest('svg, script, style')) texts.push(n);
    const text = texts.map(n => n.data).join(''), place = at => {
      for (const n of texts) { if (at < n.length) return [n, at]; at -= n.length; }
    };
    for (const found of text.matchAll(whole)) {
      const range = document.createRange(), ends = [found.index, found.index + found[0].length - 1].map(at => {
        const [n, within] = place(at);
        range.setStart(n, within);
        range.setEnd(n, within + 1);
        return range.getBoundingClientRect();
      });
      if (!ends[0].height || !ends[1].height) continue;
      seen += 1;
      if (Math.abs(ends[0].bottom - ends[1].bottom) > 6) broken.push(found[0]);
    }
  }
  folds.forEach(e => { e.open = false; });
  return [seen, broken];
}"""
FIGURES_FIT = """() => [...document.querySelectorAll('.figure')]
  .every(f => f.querySelector('svg').getBoundingClientRect().width <= f.clientWidth + 1)"""
SCROLLS_BY = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDTHS = (360, 1920)
LINES_AT = (360, 500, 800, 1100)
REPORTS_POLICY = (
    "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective));"
)
_COLOURS = 128  # of a picture: a page has a dozen, and their edges
_A4_MM = (210, 297)
_A4_PX = {"width": 703, "height": 1031}  # between its margins
_USUAL = {"width": 1100, "height": 900}
# The first paragraph of each fold that is closed on the screen (but for what the row itself prints), and how high it is drawn.
_FOLDED = """() => [...document.querySelectorAll('details:not([open])')]
  .map(e => [...e.querySelectorAll('p:not(.again), td.bed')].find(p => !p.matches('.list-unassessed .full p:first-child')))
  .filter(e => e).map(e => [e.textContent.slice(0, 60), e.getBoundingClientRect().height])"""
# What must stand on one sheet, and does not fit on one.
_HIGHER_THAN = """limit => [...document.querySelectorAll('body *')]
  .filter(e => getComputedStyle(e).breakInside === 'avoid' && e.getBoundingClientRect().height > limit)
  .map(e => e.tagName + ' ' + e.className)"""
_VIOLATED = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', '))"""
# Where the tab key stands: its place among all that can be reached, where it is on the page, and whether its ring is drawn.
_STANDS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return {place: [...document.querySelectorAll('a[href], summary, button, input, select, textarea')].indexOf(e),
          top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left, right: box.right, ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
}"""
# From where the tab key goes on, also on a page that opens with its focus on a field.
_TO_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
  scrollTo(0, 0);
}"""
# Radio buttons of one name are one stop.
_REACHABLE = """() => [...document.querySelectorAll('a[href], summary, button, input, select, textarea')]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true, contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0)
  .filter(e => e.type !== 'radio' || e === e.form.querySelector(`input[type=radio][name=${e.name}]`)).length"""
_WITHIN_ONE = (
    7  # the stops within a field of date and time: day, month, year, hour, minute and its calendar, with one to spare
)


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
    """Where the tab key leads, from the top of the page until it leaves it; a field of several parts once."""
    page.evaluate(_TO_THE_TOP)
    stops: list[dict[str, Any]] = []
    n_fields = page.locator("input[type=datetime-local]").count()
    for _ in range(page.evaluate(_REACHABLE) + 1 + _WITHIN_ONE * n_fields):  # one more would be a trap
        page.keyboard.press("Tab")
        stop = page.evaluate(_STANDS)
        if stop is None:
            break
        if not stops or stops[-1]["place"] != stop["place"]:
            stops.append(stop)
    return stops


def odd_stops(page: Page) -> list[str]:
    """Faults of the way of the tab key: what it misses, against the order of the page, upwards, or without a ring."""
    stops, n = tab_stops(page), page.evaluate(_REACHABLE)
    faults = [] if len(stops) == n else [f"{len(stops)} stops of {n} that can be reached"]
    faults += [f"back to place {b['place']}" for a, b in pairwise(stops) if b["place"] <= a["place"]]
    # To the top of the next column is no way back.
    ups = [b for a, b in pairwise(stops) if b["bottom"] < a["top"] - 1 and b["left"] < a["right"]]
    faults += [f"upwards to place {stop['place']}" for stop in ups]
    return faults + [f"no ring at place {stop['place']}" for stop in stops if not stop["ring"]]


def cut(page: Page) -> list[tuple[object, ...]]:
    """What is cut on a phone or a wide screen, as it is shown and as it is printed."""
    found: list[tuple[object, ...]] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for media in ("screen", "print"):
            page.emulate_media(media=media)
            page.wait_for_function(FIGURES_FIT)  # Plotly follows a new width a moment later
            if page.evaluate(SCROLLS_BY) > 0:
                found.append((width, media, "scrolls"))
            found += [(width, media, text) for text in page.evaluate(CUT_OFF)]
    page.emulate_media(media="screen")
    page.set_viewport_size(_USUAL)
    return found


def broken(page: Page, *, least: int = 0, names: Collection[str] = ()) -> list[tuple[int, str]]:
    """Each date, time, number with its unit, and each of the names, that is broken over two lines, and at what width.

    `least`: how many there must be. `names`: those that fit a line of a phone, as patients' numbers.
    """
    found: list[tuple[int, str]] = []
    for width in LINES_AT:
        page.set_viewport_size({"width": width, "height": 900})
        seen, texts = page.evaluate(_BROKEN, sorted(names))
        assert seen >= least, f"{seen} looked at"
        found += [(width, text) for text in texts]
    page.set_viewport_size(_USUAL)
    return found


def cut_on_a4(page: Page) -> list[object]:
    """What is not whole on paper: a fold that is not printed, what is higher than its sheet, a sheet that is no A4."""
    page.set_viewport_size(_A4_PX)
    page.emulate_media(media="print")
    found = [text for text, height in page.evaluate(_FOLDED) if height < 10]
    found += page.evaluate(_HIGHER_THAN, _A4_PX["height"])
    printed = page.pdf(prefer_css_page_size=True)
    page.emulate_media(media="screen")
    page.set_viewport_size(_USUAL)
    boxes = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", printed)
    sheets = {tuple(round(float(side) / 72 * 25.4) for side in box) for box in boxes}
    return found if sheets == {_A4_MM} else [*found, sheets]


def faint(page: Page, drawn: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """What stands out too little, without colour or to one of the colour visions. `drawn`: the least contrast of each, by selector."""
    session, found = page.context.new_cdp_session(page), []
    for vision in ("none", *VISIONS):
        seen_by(session, vision)
        for what, least in drawn.items():
            seen = contrast(page.locator(what).first)
            if seen < least:
                found.append((vision, what, round(seen, 2)))
    seen_by(session, "none")
    session.detach()
    return found


def seen_by(session: CDPSession, vision: str) -> None:
    """From now on the page is drawn as somebody of that vision sees it; `none`: as it is."""
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": vision})


def contrast(element: Locator) -> float:
    """The highest contrast within what is drawn of an element, as WCAG 2.2 counts it: of its darkest to its lightest pixel."""
    picture = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    found = picture.getcolors(picture.width * picture.height) or []
    light = sorted(_luminance(colour) for _, colour in found if isinstance(colour, tuple))
    return (light[-1] + 0.05) / (light[0] + 0.05)


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """A picture of what is on the screen (`whole`: of all of the page) in the folder that `CMVMON_IMAGES` names; none without it.

    In so few colours as a page has, so that it is small enough to be kept with the sources.
    """
    folder = os.environ.get("CMVMON_IMAGES")
    if folder is None:
        return
    drawn = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    drawn.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        Path(folder) / name, optimize=True
    )


def _luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [value / 255 for value in colour[:3]]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
