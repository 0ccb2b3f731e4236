"""One patient's page as a file of its own: PDF, SVG, or HTML without a script. Each is made of the page's text, so all say the same.

A file that leaves the site's folder names its patient and its moment, and asks for nothing beside it.
"""

from __future__ import annotations

import re

from cmvmon.dashboards.static_figure import WIDTH_PX
from cmvmon.domain.errors import SiteError

PDF, SVG, HTML = FORMATS = ("pdf", "svg", "html")
_HEAD_PX = 34  # above the figure of an SVG: whose it is
_FOLD = re.compile(r"<!--fold-->(.*?)<!--/fold-->", re.DOTALL)
_FIGURE = re.compile(r'<div class="paper">(<svg .*?</svg>)</div>', re.DOTALL)
_NEEDS_SCRIPT = re.compile(
    r'<div class="figure"[^>]*></div>\n|<script\b.*?</script>\n?|<p class="languages">.*?</p>\n|<p class="to-ward">.*?</p>\n',
    re.DOTALL,
)


def patient_pdf(page: str, *, annex: bool = False) -> bytes:
    """The PDF of a patient's page (`cmvmon.dashboards.patient.patient_page`): its first sheet, and what has no room there.

    Args:
        annex: what is folded on the screen stands behind it.

    Raises SiteError where Pango is missing, which draws the letters: it is a library of the system.
    """
    try:
        from weasyprint import HTML as Document  # loads Pango: only who asks for a PDF needs it
        from weasyprint.urls import URLFetcher
    except OSError:
        raise SiteError(
            "a PDF needs Pango, which is not on this machine: install libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0 "
            "(Debian), or pango (other systems); a page prints from any browser without it"
        ) from None
    text = patient_html(_with_annex(page) if annex else page)
    fetches_nothing = URLFetcher(allowed_protocols=())  # no file of this machine and no address is read for a page
    return bytes(Document(string=text, url_fetcher=fetches_nothing).write_pdf(pdf_tags=True))


def patient_svg(page: str) -> str:
    """The figure of a patient's page, under the patient's number and the moment of the data.

    Raises SiteError where there is no result to draw.
    """
    found = _FIGURE.search(page)
    if found is None:
        raise SiteError("there is no result to draw, so there is no figure; --format pdf or html says what is known")
    svg = found[1]
    patient, age = (
        _part(r'<dd id="patient">(.*?)</dd>', page),
        _part(r'<p class="age">(.*?)</p>', page),
    )
    banner = _part(r'<p class="synthetic">(.*?)</p>', page)
    height = float(_part(r'viewBox="0 0 \d+ ([\d.]+)"', svg))
    head = f'<text x="4" y="-19" font-weight="700">{patient}</text><text x="{WIDTH_PX - 4}" y="-19" text-anchor="end">{banner}</text>'
    head += f'<text x="4" y="-5">{age}</text>'
    svg = svg.replace(
        f'viewBox="0 0 {WIDTH_PX} {height:g}"', f'viewBox="0 -{_HEAD_PX} {WIDTH_PX} {height + _HEAD_PX:g}"'
    )
    ground = f'<rect y="-{_HEAD_PX}" width="{WIDTH_PX}" height="{_HEAD_PX}" fill="#fff"/>'
    return svg.replace("</svg>", f"{ground}{head}</svg>\n")


def patient_html(page: str) -> str:
    """The page without script and without links to what lies beside it; its figure is the static one."""
    return _NEEDS_SCRIPT.sub("", page)


def _with_annex(page: str) -> str:
    """The folds of the first sheet behind it, and every fold open."""
    folds = "".join(_FOLD.findall(page))
    return _FOLD.sub("", page).replace("<!--annex-->", folds).replace("<details", "<details open")


def _part(shape: str, text: str) -> str:
    """What stands there, as it is escaped there; empty where nothing does."""
    found = re.search(shape, text, re.DOTALL)
    return found[1] if found else ""
