"""One patient's page as a file of its own, made anew as of the last assessment: PDF, SVG or HTML."""

from __future__ import annotations

from pathlib import Path

from cmvmon.dashboards.exports import FORMATS, HTML, SVG, patient_html, patient_pdf, patient_svg
from cmvmon.domain.errors import SiteError
from cmvmon.run.nightly.page_report import report_pages
from cmvmon.shell.basis.files import write_atomically


def patient_report(root: Path, out: Path, *, patient: str, lang: str | None, kind: str, annex: bool = False) -> str:
    """The path of the file that was written; the patient's page on the site is written anew too.

    `kind`: pdf, svg or html. `annex`: of a PDF, what is folded on the screen stands behind the first sheet.

    Raises SiteError for another kind, an annex of one that has none, a folder that does not exist, and whatever keeps the page
    from being made.
    """
    if kind not in FORMATS:
        raise SiteError(f"there is no format {kind!r}; choose one of {', '.join(FORMATS)}")
    if annex and kind in (SVG, HTML):
        raise SiteError(
            f"--annex is of a PDF; --format {kind} holds {'the figure only' if kind == SVG else 'it already'}"
        )
    if not out.absolute().parent.is_dir():
        raise SiteError(f"--out {out} lies in a folder that does not exist; make it, or name another one")
    page = Path(report_pages(root, patient=patient, lang=lang)).read_text(encoding="utf-8")
    if kind == SVG:
        data = patient_svg(page).encode()
    else:
        data = patient_html(page).encode() if kind == HTML else patient_pdf(page, annex=annex)
    write_atomically(out, data)
    return str(out)
