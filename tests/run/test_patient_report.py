"""One patient as a file of its own, through the command line on a real site: PDF, SVG and HTML, and what is refused with what to do."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.dashboards.exports import patient_pdf, patient_svg
from cmvmon.domain.errors import SiteError
from tests import sites
from tests.nights import nightly
from tests.sites import day

RUNNER = CliRunner()
WHO = "SYNTHETIC-SLOW"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    sites.ward_of_three(root)
    nightly(root, as_of=day(21.5))
    return root


def call(site: Path, *arguments: str) -> Any:
    return RUNNER.invoke(app, ["report", *arguments, "--site", str(site)])


@pytest.mark.parametrize("kind", ["pdf", "svg", "html"])
def test_a_file_names_its_patient_and_says_the_same_twice(site: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"one.{kind}"
    texts = []
    for _ in range(2):
        done = call(site, "--patient", WHO, "--lang", "en", "--format", kind, "--out", str(out))
        assert done.exit_code == 0, done.output
        assert done.stdout.strip() == str(out)
        data = out.read_bytes()
        text = (
            data.decode() if kind != "pdf" else "\n".join(p.extract_text() for p in PdfReader(io.BytesIO(data)).pages)
        )
        texts.append(text)
    assert texts[0] == texts[1]
    assert WHO in texts[0]
    assert "125,893" in texts[0]
    assert out.stat().st_mode & 0o007 == 0  # nobody else reads a patient's file


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "pdf"), "--out FILE"),
        (("--patient", WHO, "--format", "pdf"), "--out FILE"),
        (("--patient", WHO, "--out", "one.pdf"), "--format pdf, svg or html"),
        (("--patient", WHO, "--format", "png", "--out", "one.png"), "choose one of pdf, svg, html"),
        (("--patient", WHO, "--format", "svg", "--out", "one.svg", "--annex"), "--annex is of a PDF"),
        (("--patient", WHO, "--format", "pdf", "--out", "nowhere/one.pdf"), "a folder that does not exist"),
        (("--patient", "NOBODY", "--format", "pdf", "--out", "one.pdf"), "no patient of that number"),
    ],
)
def test_a_file_that_can_not_be_made_says_what_to_do_and_is_not_there(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(site, *arguments)
    assert isinstance(done.exception, SiteError)
    assert says in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_without_pango_a_pdf_names_the_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        """Finds WeasyPrint, and no Pango: as `import weasyprint` fails on a machine without it."""

        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.partition(".")[0] == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    for name in [name for name in sys.modules if name.partition(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(SiteError, match=r"install libpango-1\.0-0"):
        patient_pdf("<html></html>")


def test_of_a_page_without_a_result_there_is_no_figure_to_write() -> None:
    with pytest.raises(SiteError, match="no result to draw"):
        patient_svg('<html><body><dd id="patient">SYNTHETIC-EMPTY</dd></body></html>')
