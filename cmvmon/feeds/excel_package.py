"""The parts of an Excel file (.xlsx, ECMA-376) out of its zip, each held to limits before it is unpacked; no part is ever run.

Refused whole: an old file (.xls), an encrypted one, one with macros, a zip that would unpack to too much or holds another zip, a part
whose name leads out of the file, XML with a document type.
"""

from __future__ import annotations

import io
import lzma
import struct
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator
from xml.parsers import expat

from cmvmon.feeds.records import refusal

MOST_BYTES = 50_000_000
MOST_UNPACKED_BYTES = 500_000_000
MOST_PARTS = 2_000
MOST_RATIO = 400  # of sheets with many rows alike about 50 were seen
_RATIO_FROM = 1_000_000  # bytes; below it a zip bomb is none
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    RuntimeError,
)  # what unpacking says of damaged bytes; NotImplementedError is a RuntimeError
_ZIP, _EMBEDDED = b"PK\x03\x04", "xl/embeddings/"
_MACROS = ("vbaproject.bin", "macrosheets/", "xlm/")


class Package:
    """The parts of one file. Raises DeliveryError when it is made: `empty_file`, `too_large`, `old_excel`, `excel_macros`,
    `malformed_excel`."""

    def __init__(self, data: bytes) -> None:
        if not data:
            raise refusal("empty_file", "0 bytes were found")
        if len(data) > MOST_BYTES:
            raise refusal("too_large", f"{len(data)} bytes were found, and at most {MOST_BYTES} are read at once")
        if data.startswith(_OLD):
            raise refusal("old_excel", "the file begins as an old one of Excel (.xls) or a protected one does")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            parts = self._zip.infolist()
        except _DAMAGED:
            raise refusal("malformed_excel", "it can't be unpacked") from None
        unpacked = sum(part.file_size for part in parts)
        if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED_BYTES or _is_bomb(parts):
            raise refusal("too_large", "it would unpack to more than is read at once")
        names = [part.filename.lower() for part in parts]
        if len(set(names)) < len(names) or any(part.flag_bits & 1 for part in parts):
            raise refusal("malformed_excel", "two parts of it have one name, or a part is protected")
        if any(_leads_out(name) for name in names):
            raise refusal("malformed_excel", "the name of a part of it leads out of the file")
        if any(mark in name for name in names for mark in _MACROS):
            raise refusal("excel_macros", "the file holds macros")
        if any(self._is_zip(part) for part in parts):
            raise refusal("malformed_excel", "a part of it is a zip itself")
        self._names = dict(zip(names, parts, strict=True))

    def _is_zip(self, part: zipfile.ZipInfo) -> bool:
        """Whether that part is a zip; one of a document that somebody embedded is never opened."""
        if part.filename.lower().startswith(_EMBEDDED):
            return False
        try:
            with self._zip.open(part) as opened:
                return opened.read(len(_ZIP)) == _ZIP
        except _DAMAGED:
            return False  # reading it says so

    def has(self, name: str) -> bool:
        """Whether there is such a part."""
        return name.lower() in self._names

    def xml(self, name: str) -> Iterator[tuple[str, ET.Element]]:
        """The ends of the elements of a part, each with its name without a namespace. Raises DeliveryError `malformed_excel`."""
        part = self._names.get(name.lower())
        if part is None:
            raise refusal("malformed_excel", "a part of it is missing")
        try:
            data = self._zip.read(part)
        except _DAMAGED:
            raise refusal("malformed_excel", "a part of it is damaged") from None
        if _has_document_type(data) or data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:64]:
            raise refusal("malformed_excel", "a part of it is no XML as Excel writes it")
        try:
            for _, element in ET.iterparse(io.BytesIO(data)):
                yield element.tag.rpartition("}")[2], element
        except (ET.ParseError, ValueError, LookupError):  # what it says may quote the file
            raise refusal("malformed_excel", "a part of it is damaged") from None


class _Met(Exception):
    """What was looked for."""


def _has_document_type(data: bytes) -> bool:
    """Whether a document type is declared, as the parser finds it: before the first element, and no entity is without it."""

    def stop(*_: object) -> None:
        raise _Met(False)

    def refuse(*_: object) -> None:
        raise _Met(True)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler = stop
    try:
        parser.Parse(data, True)
    except _Met as met:
        return bool(met.args[0])
    except (expat.ExpatError, ValueError, LookupError):
        return False  # damaged; the reading of it says so
    return False


def _leads_out(name: str) -> bool:
    """Whether a name would be of a place outside, were it ever written to a folder; none is."""
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or ".." in parts or ":" in parts[0]


def _is_bomb(parts: list[zipfile.ZipInfo]) -> bool:
    return any(p.file_size > _RATIO_FROM and p.file_size > MOST_RATIO * max(p.compress_size, 1) for p in parts)
