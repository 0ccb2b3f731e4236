"""The table `concordance` of a site: read from what was known at a moment, of every patient, with its sentences."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.delivered import LEADING
from cmvmon.domain.errors import SiteError
from cmvmon.kinetics.concordance.table import concordance
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.protocol import Protocol
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store
from cmvmon.text import language
from cmvmon.text.concordance import concordance_sentence


def compared(root: Path, *, as_of: datetime, patient: str | None, lang: str | None) -> list[dict[str, Any]]:
    """Rows of `concordance` with their sentence: the unit's first, then patients with a pair (or the one asked for).

    Nothing is recorded. Raises SiteError when there is no such site, or nothing is known of that patient.
    """
    site = Site(root).require()
    settings = site.settings()
    protocol = site.protocol()
    spoken = language(lang or settings.language)
    with open_store(settings.database) as store, store.reading() as connection:
        results = known_currently(connection, site, protocol=protocol, as_of=as_of)
    if patient is not None and results.filter(pl.col("patient_id") == patient).is_empty():
        raise SiteError("no usable result of that patient was known then; check the number and --as-of")
    table = concordance(results, protocol=protocol, as_of=as_of)
    asked = pl.col("n_pairs") > 0 if patient is None else pl.col("patient_id") == patient
    shown = table.filter((pl.col("scope") == "unit") | asked).sort("scope", descending=True, maintain_order=True)
    return [
        row | {"sentence": concordance_sentence(row, spoken, policy=protocol.concordance)} for row in shown.to_dicts()
    ]


def known_currently(connection: sa.Connection, site: Site, *, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    """Usable results of every patient known at `as_of`, with the noise of the laboratories' files."""
    found = known.known_table(connection, LEADING, as_of=as_of)
    versions = LEADING.rows.empty() if found is None else found
    assays = known.assays_in_use(site, versions)
    return results_in_use(versions, assays, protocol=protocol, as_of=as_of.astimezone(UTC))
