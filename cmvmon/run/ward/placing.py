"""The ward and bed of patients who have an alert, for routing a message and for what it may say."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa


class Place(NamedTuple):
    """Where a patient lies, or lay last.

    `left_at`: None = is here. `back_at`: when the patient, who had left, came back last; None = had never left before.
    """

    ward: str | None
    bed: str | None
    left_at: datetime | None
    back_at: datetime | None


def places(connection: sa.Connection, patients: Collection[str], *, at: datetime) -> dict[str, Place]:
    """Ward and bed by patient, of the stay that had begun last and not ended by `at`, else of the last one that had begun.

    Of whom a stay or a movement could not be read, it is not known that they have left.
    """
    if not patients:
        return {}
    from cmvmon.domain.deaths import when_back, when_left
    from cmvmon.domain.delivered import BY_NAME  # with a frame library: only where somebody is to be told
    from cmvmon.domain.rows import ICU_STAYS
    from cmvmon.run.ward.ended_stays import ended_stays
    from cmvmon.shell.as_known import known
    from cmvmon.shell.versions.links import links

    table = BY_NAME[ICU_STAYS.name]
    one = links(connection, as_of=at, about=patients)
    them = {one.of(patient) for patient in patients}
    stays, unread = known.known_and_unread(connection, table, as_of=at, patients=them, one=one)
    if stays is None:
        return {}
    begun = ended_stays(connection, table.begun(stays, at), as_of=at, patients=them, one=one)
    rows = begun.select("patient_id", "ward", "bed", "admitted_at", "discharged_at").to_dicts()
    left = {patient: at for patient, at in when_left(begun).iter_rows() if patient not in unread}
    back = dict(when_back(begun).iter_rows())
    by_number = {
        row["patient_id"]: Place(row["ward"], row["bed"], left.get(row["patient_id"]), back.get(row["patient_id"]))
        for row in sorted(rows, key=lambda row: (row["discharged_at"] is None, row["admitted_at"]))
    }
    return {patient: by_number[one.of(patient)] for patient in patients if one.of(patient) in by_number}
