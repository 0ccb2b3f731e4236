"""What a delivery says that is new, what repeats what is stored, and what contradicts it: told before anything is written."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.conflicts import are_several_samples, settled, what_conflicts
from cmvmon.domain.delivered import BY_NAME, LEADING, Delivered, Versions
from cmvmon.domain.identity import as_text, content_hash, record_key
from cmvmon.domain.patient_links import Links
from cmvmon.feeds.part import Part
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.taken_in.corrects_withdrawn import Held
from cmvmon.shell.versions.links import links
from cmvmon.shell.versions.one_number import judged_under
from cmvmon.shell.waiting.quarantine import keys_that_wait

_CHUNK = 500
_LOAD = frozenset({"viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml"})
_BESIDE_LOAD = tuple(name for name in LEADING.rows.content if name not in _LOAD)


def sorted_out(
    connection: sa.Connection, part: Part, landed: Landed, *, received_at: datetime, tells_all: bool = False
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """New records, conflicting ones (with `reason`; `is_new` = not stored yet), and the number of duplicates.

    Row order does not matter: a conflict takes in every record of its version, not only those after the first. Two numbers
    of one patient, by the links known at `received_at`, contradict nothing.

    `tells_all`: the delivery is all that holds now, so that a conflict that it repeats is set apart with it once more.
    """
    if part.accepted.is_empty():
        return [], [], 0
    table = BY_NAME[part.table]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in part.accepted.to_dicts():
        record = _with_identity(row, table, landed)
        groups[_version(record, table)].append(record)
    history = _tell_history(groups, table)
    known = known_versions(connection, table, {version[0] for version in groups})
    one = links(connection, as_of=received_at, about=_numbers(groups, known))
    several = _several_samples(groups, known, table, one)
    is_snapshot = table.versions is Versions.SNAPSHOT
    waiting = keys_that_wait(connection, table, landed.feed) if known and is_snapshot else frozenset()
    accepted: list[dict[str, Any]] = []
    conflicting: list[dict[str, Any]] = []
    duplicates = 0
    told: dict[tuple[str, ...], _Told] = {}
    for version, group in groups.items():
        stored = known[version[0]]
        peers = [row for row in stored if _version(row, table) == version]
        tells_history = version[0] in history
        repeatable = _repeatable(group, stored, peers, table, tells_history=tells_history)
        fresh, repeats = _told_apart(group, repeatable)
        if part.is_log10_of is not None:
            fresh, again = _without_second_scale(fresh, repeatable, part.is_log10_of)
            repeats += again
        stands = is_snapshot and len({row["content"] for row in repeatable}) > 1  # a conflict, told once more
        if repeats and not fresh and version[0] in waiting and not stands:
            fresh, repeats = repeats[:1], repeats[1:]  # it says that it still holds, after one that could not be read
        told[version] = _Told(fresh, repeats, peers, stands)
    held = Held.of_records(connection, landed, table, known, [row for one in told.values() for row in one.fresh])
    for version, group in groups.items():
        fresh, repeats, peers, stands = told[version]
        fresh, repeats, apart = held.without(fresh, repeats)
        conflicting += apart
        elsewhere = several.get(version[0]) if group[0].get("result_status") != words.PRELIMINARY else None
        said = [judged_under(row, table, one) for row in (*peers, *fresh)]
        reason = elsewhere or what_conflicts(said)
        # One that withdraws contradicts nothing, nor does one that says no value of its own.
        is_withdrawn = any(row.get("is_withdrawn") or row.get("confirms") for row in said)
        if elsewhere or (len({row["content"] for row in said}) > 1 and not is_withdrawn):
            conflicting += [record | {"is_new": True, "reason": reason} for record in fresh]
        else:
            accepted += fresh
        n_said = len({row["content"] for row in said[: len(peers)]})
        if elsewhere or (n_said > 1 and not group[0].get("confirms")) or (stands and tells_all):
            conflicting += [record | {"is_new": False, "reason": reason} for record in repeats]
        else:
            duplicates += len(repeats)
    return accepted, conflicting, duplicates


class _Told(NamedTuple):
    """Of the records of one version, those that say something new, those that repeat, the stored ones of that version, and whether
    these contradict each other and are told once more."""

    fresh: list[dict[str, Any]]
    repeats: list[dict[str, Any]]
    peers: list[dict[str, Any]]
    stands: bool


def _several_samples(
    groups: Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]],
    known: Mapping[str, Sequence[Mapping[str, Any]]],
    table: Delivered,
    one: Links,
) -> dict[str, str]:
    """The keys whose versions, with the stored ones, are of several samples, each with the reason."""
    if table.versions is Versions.SNAPSHOT:
        return {}
    versions: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for version, group in groups.items():
        versions[version[0]] += group
    whole = {
        key: [judged_under(row, table, one) for row in (*known.get(key, ()), *rows)] for key, rows in versions.items()
    }
    return {key: what_conflicts(settled(rows)) for key, rows in whole.items() if are_several_samples(rows)}


def _numbers(
    groups: Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]], known: Mapping[str, Sequence[Mapping[str, Any]]]
) -> set[str]:
    """The patients whom these records and the stored ones of their keys name, where one key names several."""
    of_key: dict[str, set[str]] = defaultdict(set)
    for version, rows in groups.items():
        of_key[version[0]] |= {row["patient_id"] for row in (*rows, *known.get(version[0], ()))}
    return {number for numbers in of_key.values() if len(numbers) > 1 for number in numbers}


def _repeatable(
    group: Sequence[dict[str, Any]],
    stored: Sequence[dict[str, Any]],
    peers: Sequence[dict[str, Any]],
    table: Delivered,
    *,
    tells_history: bool,
) -> Sequence[dict[str, Any]]:
    """The stored versions that the records of one version would only repeat.

    Where receipt alone orders, what came last: a record may return to what it said before. What says when it was sent repeats
    only what was sent at that moment. Where several came last together, they are repeated only together: one of them alone says
    which one holds. A delivery that tells the history of
    a record (several such versions of it) returns to nothing.
    """
    record = group[0]
    if table.versions is Versions.SNAPSHOT:
        last = [row for row in stored if _arrived(row) == _arrived(stored[-1])]
        return [*peers, *(last if _say_the_same(group, last) else ())]
    if not table.versions.is_by_receipt(record):
        return peers
    stated = ("reported_at", "sent_at")
    said = stated if record["reported_at"] is None else (*stated, "result_status")
    alike = [
        row
        for row in stored
        if table.versions.is_by_receipt(row) and all(as_text(row[name]) == as_text(record[name]) for name in said)
    ]
    if any(record[name] is not None for name in stated) or tells_history or not alike:
        return alike
    newest = max(_arrived(row) for row in alike)
    return [row for row in alike if _arrived(row) == newest]


def _say_the_same(some: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each record of the one is among the other, by content or by delivered text, and the other way round."""
    names = ("content", "delivered")
    first, second = ({row[name] for row in rows for name in names} for rows in (some, others))
    return all(
        any(row[name] in said for name in names) for rows, said in ((some, second), (others, first)) for row in rows
    )


def _arrived(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row["received_at"], row["landed_at"]


def _tell_history(groups: Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]], table: Delivered) -> set[str]:
    """The keys of which one delivery brings several versions that only receipt could order."""
    if table.versions is Versions.SNAPSHOT:
        return set()
    rows = [row for group in groups.values() for row in group]
    unreported = {
        (row["record_key"], row["content"])
        for row in rows
        if table.versions.is_by_receipt(row) and row["reported_at"] is None and row["sent_at"] is None
    }
    return {key for key, n in Counter(key for key, _ in unreported).items() if n > 1}


def _told_apart(
    group: Sequence[dict[str, Any]], repeatable: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The records that say something new, and those that repeat what is stored or stands earlier in the group.

    The same delivered text is a repeat even where a changed laboratory file now reads it otherwise.
    """
    seen = {row[name] for row in repeatable for name in ("content", "delivered")}
    fresh: list[dict[str, Any]] = []
    repeats: list[dict[str, Any]] = []
    for record in group:
        if record["content"] in seen or record["delivered"] in seen:
            repeats.append(record)
        else:
            seen |= {record["content"], record["delivered"]}
            fresh.append(record)
    return fresh, repeats


def _without_second_scale(
    fresh: Sequence[dict[str, Any]],
    repeatable: Sequence[Mapping[str, Any]],
    is_log10_of: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The records that say something new, and those that only print in another scale what stands beside them or is stored."""
    if len(fresh) + len(repeatable) < 2:
        return list(fresh), []

    def repeats(record: Mapping[str, Any]) -> bool:
        stored = [row for row in repeatable if _is_alike_but_load(row, record)]
        beside = [row for row in fresh if _is_alike_but_load(row, record)]
        return any(is_log10_of(row, record) for row in (*stored, *beside)) or any(
            is_log10_of(record, row) for row in stored
        )

    again = [repeats(record) for record in fresh]
    told = list(zip(fresh, again, strict=True))
    return [record for record, is_again in told if not is_again], [record for record, is_again in told if is_again]


def _is_alike_but_load(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return all(as_text(first[name]) == as_text(second[name]) for name in _BESIDE_LOAD)


def _with_identity(row: dict[str, Any], table: Delivered, landed: Landed) -> dict[str, Any]:
    """The record with its key and the two hashes that tell versions apart."""
    is_withdrawn = bool(row.get("is_withdrawn"))
    record = {c.name: row[c.name] for c in table.rows.columns}
    return record | {
        "record_key": record_key(row, table.rows),
        "content": content_hash(row, table.rows),
        "delivered": _hash(row["delivered_text"]),
        "delivered_text": row["delivered_text"],
        "landed_at": landed.landed_at,
        "feed": landed.feed,
        "record_number": row["record_number"],
        "line": row["line"],
        "row_key": row.get("row_key"),
        "is_withdrawn": is_withdrawn,
    }


def _version(record: Mapping[str, Any], table: Delivered) -> tuple[str, ...]:
    """Key and version. Where records carry no report time, what arrives together is one version."""
    return (str(record["record_key"]), *(as_text(record[name]) for name in table.versions.told_apart_by(record)))


def known_versions(connection: sa.Connection, table: Delivered, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Stored versions by key, in the order in which they were received."""
    versions = VERSIONS[table.name]
    wanted = sorted(keys)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            sa.select(versions)
            .where(versions.c.record_key.in_(wanted[start : start + _CHUNK]))
            .order_by(versions.c.received_at, versions.c.landed_at, versions.c.version_number)
        )
        for row in connection.execute(query).mappings():
            found[row["record_key"]].append(dict(row))
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
