"""Which resource of a file a reference means (FHIR R4, 2.3.0 and 2.36.4.1): by `#id`, full address, type and id, or identifier.

What a reference means outside of its file is not known here; nothing is asked of a server.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from cmvmon.feeds.fhir.entries import Resource, contained, objects
from cmvmon.feeds.fhir.json_text import Members

_RELATIVE = re.compile(r"(?P<base>.*?)(?P<kind>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})")
_VERSION = re.compile(r"/_history/(?P<version>[A-Za-z0-9.-]{1,64})$")


class Meant(NamedTuple):
    """The resources that some references mean, and whether one of them means none that is here."""

    resources: tuple[Resource, ...] = ()
    is_unresolved: bool = False


NOTHING = Meant()
"""What is meant where nothing is referred to."""


class Index:
    """The resources of a file by all the ways in which they are referred to."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_url: dict[str, list[Resource]] = defaultdict(list)
        self._by_id: dict[str, list[Resource]] = defaultdict(list)
        self._by_identifier: dict[tuple[str, str, str], list[Resource]] = defaultdict(list)
        self._contained: dict[Resource, list[Resource]] = {}
        for one in resources:
            if one.full_url:
                self._by_url[_VERSION.sub("", one.full_url)].append(one)
            if one.kind and one.id:
                self._by_id[f"{one.kind}/{one.id}"].append(one)
            for identifier in one.those("identifier"):
                self._by_identifier[(one.kind, *identifier_of(identifier))].append(one)
            self._contained[one] = contained(one)

    def contained(self, resource: Resource) -> list[Resource]:
        """The resources that one of the file holds."""
        return self._contained.get(resource, [])

    def meant(self, resource: Resource, *path: str) -> Meant:
        """What the references at the end of a path of members mean."""
        each = self.each(resource, *path)
        if not each:
            return NOTHING
        return Meant(tuple(dict.fromkeys(one for those in each for one in those)), not all(each))

    def each(self, resource: Resource, *path: str) -> list[tuple[Resource, ...]]:
        """The same, apart for each reference."""
        return [self.one(reference, resource) for reference in resource.those(*path)]

    def one(self, reference: Members, source: Resource) -> tuple[Resource, ...]:
        """What one reference of a resource means: several where an id stands twice."""
        return tuple(dict.fromkeys(self._one(reference, source)))

    def full(self, reference: Members, source: Resource) -> str:
        """The text of a reference, with the server before it, or the resource that holds what is meant; empty where it has none."""
        told = reference.get("reference")
        if not isinstance(told, str) or not told:
            return ""
        root = source.holder or source
        if told.startswith("#"):
            return f"{root.entry}{told}"
        plain = _VERSION.sub("", told)
        relative = _RELATIVE.fullmatch(plain)
        return f"{_base_of(root)}{plain}" if relative is not None and not relative["base"] else plain

    def _one(self, reference: Members, source: Resource) -> list[Resource]:
        told = reference.get("reference")
        if isinstance(told, str) and told:
            return self._by_text(told, source)
        kind = reference.get("type")
        kinds = [kind] if isinstance(kind, str) else ["Patient", "Specimen", "ServiceRequest", "Device", "Observation"]
        named = [identifier_of(one) for one in objects(reference, "identifier")]
        return [one for key in named if key[1] for each in kinds for one in self._by_identifier.get((each, *key), [])]

    def _by_text(self, told: str, source: Resource) -> list[Resource]:
        root = source.holder or source
        if told.startswith("#"):
            if told == "#":
                return [root]
            return [one for one in self._contained.get(root, []) if one.id == told[1:]]
        version = _VERSION.search(told)
        plain = _VERSION.sub("", told)
        found = self._by_url.get(plain, [])
        relative = _RELATIVE.fullmatch(plain)
        if not found and relative is not None and not relative["base"]:
            found = self._of_server(_base_of(root), plain)
        if version is not None:
            return [one for one in found if version_of(one) in ("", version["version"])]
        return found

    def _of_server(self, base: str, told: str) -> list[Resource]:
        """What a type and an id mean where a server speaks: never the resource of another server."""
        beside = self._by_url.get(base + told, []) if base else []
        return beside or [one for one in self._by_id.get(told, []) if not base or _base_of(one) in ("", base)]


def _base_of(resource: Resource) -> str:
    """The server of a resource, by its full address; empty where that is no server's."""
    found = _RELATIVE.fullmatch(_VERSION.sub("", resource.full_url))
    return "" if found is None else found["base"]


def identity_of(resource: Resource) -> object:
    """The same for all versions of a resource: type and id on its server, or its full address; of what has neither, itself."""
    by_id = f"{_base_of(resource)}{resource.kind}/{resource.id}" if resource.id else ""
    own: object = by_id or _VERSION.sub("", resource.full_url) or resource
    return own if resource.holder is None else (identity_of(resource.holder), own)


def version_of(resource: Resource) -> str:
    """Its meta.versionId; empty where it has none."""
    told = next((meta.get("versionId") for meta in resource.those("meta")), None)
    return told if isinstance(told, str) else ""


def identifier_of(identifier: Members) -> tuple[str, str]:
    """System and value of an Identifier, each empty where there is none."""
    system, value = identifier.get("system"), identifier.get("value")
    return (system if isinstance(system, str) else "", value if isinstance(value, str) else "")
