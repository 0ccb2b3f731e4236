"""A file as its resources: a Bundle, one resource, or a resource a line. Each entry is whole or has its reason.

    .fhir.json      one JSON text: a Bundle, or a single resource, which is then its only entry
    .fhir.ndjson    a resource a line, as a bulk export writes them

A JSON text that was cut is no JSON, so that a cut Bundle is refused whole. Of lines nothing says how many there were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cmvmon.feeds.fhir.addresses import texts_in
from cmvmon.feeds.fhir.json_text import Members, NotJson, Seen, look_at, parsed
from cmvmon.feeds.json_numbers import Number
from cmvmon.feeds.records import decoded, refusal

MOST_BYTES = 50_000_000
READ = frozenset({"transaction", "batch", "message", "document", "collection", "searchset"})
"""The types of Bundles that are read: each holds resources as they are now. A history holds what they were."""
_WRITES = ("POST", "PUT")
_TEST_DATA = "HTEST"


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource of an entry, or one that another holds (`contained`).

    Attributes:
        entry: its number in the file from 1; of lines the line.
        code: why it can't be read; None where it can.
        bundled_at: when its Bundle says that it was put together; empty where it does not.
    """

    entry: int
    members: Members
    full_url: str = ""
    code: str | None = None
    holder: Resource | None = None
    modifiers: tuple[str, ...] = ()
    is_of_test_bundle: bool = False
    bundled_at: str = ""

    @cached_property
    def kind(self) -> str:
        return _text(self.members, "resourceType")

    @cached_property
    def id(self) -> str:
        return _text(self.members, "id")

    @property
    def is_test(self) -> bool:
        """Whether it, what holds it or its Bundle is labelled as test health data (v3-ActReason HTEST)."""
        return self.is_of_test_bundle or is_test(self.members) or (self.holder is not None and self.holder.is_test)

    def those(self, *path: str) -> list[Members]:
        """The objects at the end of a path of members, lists walked through."""
        return objects(self.members, *path)


def objects(members: Members, *path: str) -> list[Members]:
    """The objects at the end of a path of members, lists walked through."""
    found: list[Any] = [members]
    for name in path:
        found = [
            one
            for each in found
            for one in (each.get(name) if isinstance(each.get(name), list) else [each.get(name)])
            if isinstance(one, Members)
        ]
    return found


def is_test(members: Members) -> bool:
    """Whether a resource is labelled as test health data."""
    labels = (*objects(members, "meta", "security"), *objects(members, "meta", "tag"))
    return any(label.get("code") == _TEST_DATA for label in labels)


def read_json(data: bytes) -> list[Resource]:
    """The entries of one JSON text.

    Raises DeliveryError: `empty_file`, `wrong_encoding`, `nul_bytes`, `too_large`, `fhir_xml`, `malformed_json`,
    `cut_off`, `no_fhir_resource` or `bundle_type`.
    """
    text = _checked(data)
    try:
        whole = parsed(text)
    except NotJson as error:
        place = f"line {error.line}, column {error.column}"
        if error.is_cut:
            raise refusal("cut_off", f"the JSON text is not closed at its end, {place}") from None
        if error.is_deep:
            raise refusal("malformed_json", "it is nested too deeply to be read") from None
        raise refusal("malformed_json", f"{place} is no JSON") from None
    if not isinstance(whole, Members) or not _text(whole, "resourceType"):
        raise refusal("no_fhir_resource", "the JSON text names no resourceType")
    if _text(whole, "resourceType") != "Bundle":
        return [_resource(1, whole, "")]
    return list(_of_bundle(whole))


def read_lines(data: bytes) -> list[Resource]:
    """The entries of a file with a resource a line. Raises DeliveryError as `read_json`, but for what only a line is to blame."""
    found = []
    for at, line in enumerate(_checked(data).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = parsed(line)
        except NotJson as error:
            code = "too_deep" if error.is_deep else "malformed_line"
            found.append(Resource(at, Members(), code=code))
            continue
        found.append(_resource(at, value, ""))
    return found


def _checked(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise refusal("too_large", f"{len(data)} bytes were found, and at most {MOST_BYTES} are read at once")
    text = decoded(data, "utf-8")
    if text.lstrip().startswith("<"):
        raise refusal("fhir_xml", "the file begins with <")
    return text


def _of_bundle(bundle: Members) -> Iterator[Resource]:
    kind = _text(bundle, "type")
    if kind not in READ or bundle.is_repeated:
        said = f"of type {kind}" if re.fullmatch("[a-z-]{1,30}", kind) else "of no type"
        raise refusal("bundle_type", f"a Bundle {said}" if not bundle.is_repeated else "a member stands twice")
    outside = Members({name: value for name, value in bundle.items() if name != "entry"})
    seen, entries = look_at(outside), bundle.get("entry", [])
    if seen.fault or seen.modifiers or not isinstance(entries, list):
        raise refusal("bundle_type", "what stands around the entries of the Bundle can't be read")
    for at, entry in enumerate(entries, 1):
        yield replace(_entry(at, entry, is_test=is_test(bundle)), bundled_at=_text(bundle, "timestamp"))


def _entry(at: int, entry: Any, *, is_test: bool) -> Resource:
    if not isinstance(entry, Members):
        return Resource(at, Members(), code="no_resource")
    around = look_at(Members({name: value for name, value in entry.items() if name != "resource"}))
    found = _resource(at, entry.get("resource"), _text(entry, "fullUrl"), around)
    methods = {_text(request, "method") for request in objects(entry, "request")}
    if not methods <= {*_WRITES}:
        return _with(found, "fhir_request")
    if entry.is_repeated:
        return _with(found, "repeated_member")
    return replace(found, is_of_test_bundle=is_test)


def _resource(at: int, value: Any, full_url: str, around: Seen | None = None) -> Resource:
    if not isinstance(value, Members) or not _text(value, "resourceType"):
        return Resource(at, value if isinstance(value, Members) else Members(), full_url, "no_resource")
    seen, around = look_at(value), around or Seen()
    modifiers = tuple(dict.fromkeys([*seen.modifiers, *around.modifiers]))
    return Resource(at, value, full_url, seen.fault or around.fault, None, modifiers)


def _with(found: Resource, code: str) -> Resource:
    return replace(found, code=found.code or code)


def contained(holder: Resource) -> list[Resource]:
    """The resources that one holds."""
    return [
        Resource(holder.entry, one, "", holder.code, holder, holder.modifiers, bundled_at=holder.bundled_at)
        for one in holder.those("contained")
    ]


def names_in(resource: Resource, member: str) -> str:
    """Every text of a member, as the code of a test: its codes, their names, its own text."""
    return " ".join(texts_in(resource.members.get(member)))


def _text(members: Members, name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) and not isinstance(value, Number) else ""
