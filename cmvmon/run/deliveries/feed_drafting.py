"""A laboratory file drafted from a sample that somebody names; it is printed, or written where no file is yet."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.drafting.draft import draft_laboratory
from cmvmon.feeds.drafting.vocabulary import vocabulary
from cmvmon.feeds.formats import ONE_TABLE, format_of
from cmvmon.feeds.laboratory import read_laboratory
from cmvmon.run.deliveries.intake import feed_name
from cmvmon.shell.basis.files import read_bytes, write_atomically

_DRAFTED = {ONE_TABLE: "CSV", "excel": "Excel (.xlsx)", "hl7": "HL7", "fhir": "FHIR", "fhir_lines": "lines of FHIR"}

_BEGINS = {b"MSH": "hl7", b"FHS": "hl7", b"BHS": "hl7", b"{": "fhir", b"[": "fhir", b"PK\x03\x04": "excel"}


def draft(file: Path, *, name: str, out: Path | None = None) -> str:
    """The text of the draft; written to `out`, where one is named. Nothing reads it as it is: it must be confirmed first.

    Raises SiteError for a name that is none of a feed, a file of another kind or one that can't be read, and an `out` that exists;
    DeliveryError where it does not say where patients and values stand.
    """
    feed_name(name)
    form = format_of(file.name)
    if form is not None and form not in _DRAFTED:
        raise SiteError(
            f"a draft is made from {', '.join(_DRAFTED.values())}, and this file is of another kind; export it as one of them: the "
            "laboratory file of a table is the same"
        )
    if out is not None and out.exists():
        raise SiteError(f"--out {out.name} exists, and is left as it is; name a new file")
    packaged = resources.files("cmvmon.feeds").joinpath("labs")
    names = sorted(item.name.removesuffix(".toml") for item in packaged.iterdir() if item.name.endswith(".toml"))
    known = vocabulary(
        read_laboratory(packaged.joinpath(f"{each}.toml").read_text(encoding="utf-8"), name=each) for each in names
    )
    data = read_bytes(file)
    text = draft_laboratory(data, name=name, known=known, form=form or _form_by_content(data))
    if out is not None:
        write_atomically(out, text.encode())
    return text


def _form_by_content(data: bytes) -> str:
    """Of a sample whose name does not say it: a person looks at what comes of it, so how it begins is enough."""
    begins = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b \t\r\n")
    return next((form for start, form in _BEGINS.items() if begins.startswith(start)), ONE_TABLE)
