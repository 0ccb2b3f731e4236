"""Of whom the movements may leave a stay on the ICU open, asked of the store: only their stays need to be made of them.

It may name a patient too many, and never one too few: a way onto the ICU is left out only where a way off it stands behind it that
nothing can have taken back. Stays themselves are made in `cmvmon.domain.stays_told` alone.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cmvmon.domain.patient_movements import ADMISSION, CANCELS, DISCHARGE, ELSEWHERE, ICU, RESTATED

_CANCEL = {move: cancel for cancel, move in CANCELS.items()}


def may_go_on(movements: sa.Table, *, after: datetime, as_of: datetime) -> sa.Select[tuple[str]]:
    """Patients with a way onto the ICU behind which no way off it stands for sure, before `after`, by what was known at `as_of`.

    `movements`: the stored versions of `patient_movements`. A statement that was corrected, withdrawn or contradicted is not sure.
    """
    onto, way_off = movements.c, movements.alias("off")
    off = way_off.c
    ends = sa.and_(
        off.visit_number == onto.visit_number,
        off.patient_id == onto.patient_id,
        sa.or_(off.movement == DISCHARGE, off.unit == ELSEWHERE),
        off.moved_at > onto.moved_at,
        off.moved_at < after,
        off.received_at <= as_of,
        ~off.is_withdrawn,
        ~_is_taken_back(movements, way_off, as_of),
        ~_is_said_otherwise(movements, way_off, as_of),
    )
    query = sa.select(onto.patient_id).where(onto.unit == ICU, onto.received_at <= as_of, ~sa.exists().where(ends))
    return query.distinct()


def _is_taken_back(movements: sa.Table, way_off: sa.FromClause, as_of: datetime) -> sa.ColumnElement[bool]:
    """Whether something that was recorded with it or later can mean it; whosever it is, as two numbers may be one patient."""
    by, off = movements.alias("taken_back").c, way_off.c
    cancel = sa.case(_CANCEL, value=off.movement)
    return sa.exists().where(
        by.visit_number == off.visit_number,
        sa.or_(
            sa.and_(sa.or_(by.movement == cancel, by.movement == _CANCEL[ADMISSION]), by.stated_at >= off.stated_at),
            sa.and_(by.movement == RESTATED, by.stated_at > off.stated_at),
        ),
        by.received_at <= as_of,
    )


def _is_said_otherwise(movements: sa.Table, way_off: sa.FromClause, as_of: datetime) -> sa.ColumnElement[bool]:
    """Whether another version of its record, or another record of its key, says something else."""
    off = way_off.c
    version, record = movements.alias("version").c, movements.alias("record").c
    return sa.or_(
        sa.exists().where(
            version.record_key == off.record_key,
            version.received_at <= as_of,
            sa.or_(version.is_withdrawn, version.content != off.content),
        ),
        sa.exists().where(
            record.visit_number == off.visit_number,
            record.movement == off.movement,
            record.stated_at == off.stated_at,
            record.moved_at == off.moved_at,
            record.received_at <= as_of,
            record.patient_id == off.patient_id,
            record.content != off.content,
        ),
    )
