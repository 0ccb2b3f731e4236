"""Whether blood follows other compartments on this unit, for an assessment of some patients: the others' counts are kept.

A night counts everybody and records it (`concordance_counts`). A delivery counts those whom it touches, and of the others
only those whose record can't be used: something came in since, the protocol, the code or a laboratory file changed, or a
result was then known that had not been collected yet.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.concordance_counts import CONCORDANCE_COUNTS
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.results import CONCORDANCE
from cmvmon.kinetics.concordance.unit import counts_by_patient, part_of_texts, unit_rows
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.protocol import Protocol
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import known, who_waits
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import OpenSite


@dataclass(frozen=True)
class UnitConcordance:
    """What blood follows, as everybody's results say it.

    Attributes:
        table: the rows of `concordance` of some patients and of the whole unit.
        counts: rows of `concordance_counts`, of those who were counted for it.
        has_turned: blood follows another compartment of the unit than by the counts that are recorded, or one less. What
            was said of anybody may rest on that.
    """

    table: pl.DataFrame
    counts: pl.DataFrame
    has_turned: bool


def unit_concordance(opened: OpenSite, patients: Collection[str], *, as_of: datetime) -> UnitConcordance:
    """The table `concordance` as everybody's results give it: the rows of these patients, and those of the unit."""
    protocol = opened.protocol
    with opened.reading() as connection:
        kept = _kept(connection, opened, patients, as_of=as_of)
        wanted = None if kept is None else kept.uncounted | set(patients)
        versions = known.known_table(connection, LEADING, as_of=as_of, patients=wanted)
        versions = LEADING.rows.empty() if versions is None else versions
        assays = known.assays_in_use(opened.site, versions)
    results = results_in_use(versions, assays, protocol=protocol, as_of=as_of)
    of_patients, own = counts_by_patient(results, protocol=protocol, as_of=as_of)
    counts = _rows(opened, versions, own, as_of=as_of)
    texts = dict(counts.select("patient_id", "counts").drop_nulls().iter_rows())
    texts |= {} if kept is None else kept.texts
    of_unit = _of_unit(texts, protocol)
    has_turned = (
        kept is not None and texts != kept.recorded and _follows(of_unit) != _follows(_of_unit(kept.recorded, protocol))
    )
    asked = of_patients.filter(pl.col("patient_id").is_in(sorted(patients)))
    return UnitConcordance(pl.concat([asked, of_unit]).sort(*CONCORDANCE.key, nulls_last=True), counts, has_turned)


def counted(opened: OpenSite, versions: pl.DataFrame, results: pl.DataFrame, *, as_of: datetime) -> pl.DataFrame:
    """Rows of `concordance_counts` for every patient of whom a version of a result is known.

    Args:
        versions: every known version, as `known_table` gives them; also of results collected after `as_of`.
        results: those in use at `as_of`, with their noise.
    """
    _, texts = counts_by_patient(results, protocol=opened.protocol, as_of=as_of)
    return _rows(opened, versions, texts, as_of=as_of)


def _of_unit(texts: Mapping[str, str], protocol: Protocol) -> pl.DataFrame:
    """The unit's rows of `concordance` from the counts of every patient."""
    part = part_of_texts([texts[patient] for patient in sorted(texts)])
    return unit_rows([] if part is None else [part], protocol=protocol)


def _follows(of_unit: pl.DataFrame) -> set[tuple[str, str]]:
    """Which blood follows which compartment."""
    return set(of_unit.filter(answer=words.FOLLOWS).select("compartment", "followed_compartment").iter_rows())


def _rows(opened: OpenSite, versions: pl.DataFrame, texts: Mapping[str, str], *, as_of: datetime) -> pl.DataFrame:
    by_patient = versions.group_by("patient_id").agg(
        pl.col("laboratory").unique().sort(),
        counts_until=pl.col("collected_at").filter(pl.col("collected_at") > as_of).min(),
    )
    hashes = _Hashes(opened.site)
    rows = [
        (patient, texts.get(patient), hashes.of(names), until)
        for patient, names, until in by_patient.select("patient_id", "laboratory", "counts_until").iter_rows()
    ]
    return pl.DataFrame(rows, schema=CONCORDANCE_COUNTS.schema, orient="row").sort("patient_id")


@dataclass(frozen=True)
class _Kept:
    """`recorded`: counts as they are recorded, by patient; `texts`: those that hold; `uncounted`: patients whose don't."""

    recorded: dict[str, str]
    texts: dict[str, str]
    uncounted: set[str]


def _kept(connection: sa.Connection, opened: OpenSite, patients: Collection[str], *, as_of: datetime) -> _Kept | None:
    """What is kept of all others; None where nobody may rest on it: never counted, or a later moment is recorded."""
    whole = alert_store.last_as_of(connection, scope="all")
    last = alert_store.last_as_of(connection)
    if whole is None or last is None or as_of < last:
        return None
    rows = stored_results.stored(connection, CONCORDANCE_COUNTS, as_of=as_of)
    if rows.is_empty():
        return None
    stamp, hashes = opened.stamp(as_of), _Hashes(opened.site)
    holds = (
        (pl.col("protocol_hash") == stamp.protocol_hash)
        & (pl.col("code_version") == stamp.code_version)
        & (pl.col("counts_until").is_null() | (pl.col("counts_until") > as_of))
        & pl.col("laboratories").is_in([text for text in rows["laboratories"].unique() if hashes.still_hold(text)])
    )
    waiting = who_waits.waiting(connection, LEADING, as_of=as_of, since=whole)
    used = rows.filter(holds & ~pl.col("patient_id").is_in(sorted(waiting | set(patients))))
    uncounted = (set(rows["patient_id"]) | waiting) - set(used["patient_id"]) - set(patients)
    recorded, texts = (dict(each.select("patient_id", "counts").drop_nulls().iter_rows()) for each in (rows, used))
    return _Kept(recorded, texts, uncounted)


class _Hashes:
    """The hash of each laboratory's file as it is now: what a patient's counts rest on beside the results."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._found: dict[str, str | None] = {}

    def of(self, laboratories: Collection[str]) -> str:
        """The files of these laboratories, as JSON text."""
        return json.dumps({name: self._hash(name) for name in sorted(laboratories)})

    def still_hold(self, text: str) -> bool:
        """Whether that text says what the files of its laboratories are now."""
        return self.of(json.loads(text)) == text

    def _hash(self, name: str) -> str | None:
        if name not in self._found:
            laboratory = self._site.laboratory(name)
            self._found[name] = None if laboratory is None else laboratory.fingerprint
        return self._found[name]
