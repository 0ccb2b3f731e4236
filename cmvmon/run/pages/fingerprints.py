"""What a page is made from, as a fingerprint: of two publishings that would write the same page it is the same.

It holds everything that can show: the whole view (with its moment, protocol, rules that are switched off and links), the language, and
the program itself, file by file: templates, styles, words, and the code that lays them out. Nothing is left out by hand, so nothing
that a page says can change while its fingerprint stays. A value that can't be told apart gives none: the page is rendered.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import sys
import zoneinfo
from collections.abc import Callable, Mapping, Set
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import cmvmon
from cmvmon import dashboards
from cmvmon.protocol import Protocol

# Of these the text that Python gives says the value and its type.
_PLAIN = frozenset({str, int, float, bool, bytes, datetime, date, time, timedelta, type(None)})
_LIBRARIES = ("babel", "jinja2", "markupsafe")  # that write numbers and dates, and fill templates


class _Untold(Exception):
    """A value of which it can't be said whether it is another one."""


class Fingerprints:
    """Fingerprints of the pages of one publishing: what they share, such as the protocol, is read once."""

    def __init__(self) -> None:
        self._shared: dict[int, tuple[object, str]] = {}
        self._names: dict[Any, tuple[str, ...]] = {}

    def of(self, view: object, *beside: str) -> str | None:
        """Of what that view shows; `beside`: the language, and what else is given to what renders it. None: it can't be told."""
        try:
            told = (program(), zone(getattr(view, "time_zone", "UTC")), *beside, self._told(view))
        except _Untold:
            return None
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _told(self, value: Any) -> str:
        if type(value) in _PLAIN:
            return repr(value)
        if isinstance(value, pl.DataFrame):
            return self._frame(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value)
        if isinstance(value, Mapping):
            return repr(sorted((self._told(key), self._told(of)) for key, of in value.items()))
        if isinstance(value, Set):
            return repr(sorted(map(self._told, value)))
        if isinstance(value, list | tuple):
            return repr([self._told(one) for one in value])
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufM":
            return f"{value.dtype.str} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
        if isinstance(value, str | int | float | np.generic):
            return f"{type(value).__qualname__} {value!r}"
        raise _Untold(type(value).__name__)

    def _dataclass(self, value: Any) -> str:
        return (
            self._told_once(value, lambda: self._fields(value)) if isinstance(value, Protocol) else self._fields(value)
        )

    def _fields(self, value: Any) -> str:
        parts = [self._told(getattr(value, name)) for name in self._names_of(type(value))]
        return f"{type(value).__qualname__} {parts!r}"

    def _names_of(self, kind: Any) -> tuple[str, ...]:
        if kind not in self._names:
            self._names[kind] = tuple(field.name for field in dataclasses.fields(kind))
        return self._names[kind]

    def _frame(self, frame: pl.DataFrame) -> str:
        """Of its rows in Arrow's form, which says the columns and their types too; without rows, of those alone."""
        if frame.height:
            written = io.BytesIO()
            # A tenth of what Arrow's form of a file takes to write. The oldest level has texts in the order of rows, not of memory.
            frame.write_ipc_stream(written, compat_level=pl.CompatLevel.oldest())
            return hashlib.sha256(written.getbuffer()).hexdigest()
        return self._told_once(frame, lambda: repr(frame.schema))

    def _told_once(self, value: object, told: Callable[[], str]) -> str:
        """Of a value that many pages quote, which is kept so that no other one can have its id."""
        if id(value) not in self._shared:
            self._shared[id(value)] = (value, hashlib.sha256(told().encode()).hexdigest())
        return self._shared[id(value)][1]


@cache
def program() -> str:
    """Of every file that this program is made of, and of what it writes numbers, dates and templates with."""
    folders = sorted(Path(place) for package in (cmvmon, dashboards) for place in package.__path__)
    versions = [sys.version, *(f"{library} {metadata.version(library)}" for library in _LIBRARIES)]
    return hashlib.sha256(repr((versions, [files_of(folder) for folder in folders])).encode()).hexdigest()


def files_of(folder: Path) -> list[tuple[str, str]]:
    """Every file of a folder, by its place in it, with the hash of its content; not what Python compiles from them."""
    return [
        (path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


@cache
def zone(name: str) -> str:
    """Of the rules by which moments are written in that zone: they are the system's, and change with it."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return f"{name} {metadata.version('tzdata')}"
