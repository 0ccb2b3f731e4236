"""One landed delivery into the store: judged, and appended in one transaction with everything that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from cmvmon import __version__
from cmvmon.domain import delivered, words
from cmvmon.domain.errors import NoLaboratoryFile
from cmvmon.feeds.judging import Declared
from cmvmon.ingest import Intake, ingest
from cmvmon.run.deliveries.faults import note_feed
from cmvmon.shell.as_known import unassessed
from cmvmon.shell.folder import landing, tries
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.taken_in import arrivals, intake_store, journal, unjudged
from cmvmon.shell.taken_in.arrivals import OLDER_SNAPSHOT, Arrival, Came
from cmvmon.shell.taken_in.corrects_withdrawn import to_judge_again
from cmvmon.shell.taken_in.earlier import Earlier, earlier
from cmvmon.shell.taken_in.intake_store import Counted, TakenAs
from cmvmon.shell.taken_in.journal import Taking
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.waiting.said_of_records import confirmed_records
from cmvmon.shell.work.opening import OpenSite


def take_in_landed(
    opened: OpenSite,
    landed: Landed,
    *,
    received_at: datetime,
    arrival: Arrival | None = None,
    arrived_at: datetime | None = None,
    also: frozenset[int] = frozenset(),
) -> tuple[Counted, ...]:
    """Judges one landed delivery and stores what came of it: all of its tables, or nothing.

    The same bytes for the same feed, table and format are judged once; again only when the feed's files or the zone that
    the site states have changed or a moment has come, and then only the records that were set apart; where they were
    refused, at every later moment, for the clock or what stood then may have been wrong; and whole, when they arrive again
    (`arrival`, at `arrived_at`) after another delivery, where receipt tells what holds. Withdrawals that waited for a record
    which it brings are judged again with it, and counted beside it; so are corrections of what it withdraws (`also`: their numbers
    in the delivery that brought them). Judging that ended three times in an error of ours is not
    tried again under the same files and program: StandsAfterTries.
    """
    try:
        declared, version = declared_of(opened, landed)
    except NoLaboratoryFile as error:
        raise NoLaboratoryFile(
            f"{error}. It has landed and waits: it is tried again each night, and told until then. Was the name of the feed mistyped, "
            "take the file in again under the right name, and say `cmvmon quarantine dismiss` of the other"
        ) from None
    is_snapshot = _is_snapshot(landed, declared)
    with opened.reading() as connection:
        before = earlier(connection, landed)
        came = (
            arrivals.came(connection, landed, arrival, before)
            if is_snapshot
            else arrivals.came_besides(connection, landed, arrival, before)
        )
    if before is not None and not came.is_again and not also and not _judges_again(before, version, received_at):
        _note_arrival(opened, landed, arrival, came, received_at)
        return _already_known(landed, before)
    if before is not None and came.is_again:  # it landed first with its bytes, and holds since it came last
        landed = replace(landed, landed_at=arrived_at or received_at)
    elif before is not None and is_snapshot:
        landed = replace(landed, landed_at=before.landed_at)
    # Of rows that were refused, those that a later delivery brought since are not told again: they would hold after it.
    is_told_anew = before is not None and before.is_refused_whole and (is_snapshot or before.has_unread)
    is_whole = before is None or came.is_again or is_told_anew
    if before is not None and tries.left(opened.site.landing, landed):  # it was judged before, and may not be any more
        with opened.writing() as connection:
            unjudged.note(connection, landed)
    with tries.counted(opened.site.landing, landed, under=f"{__version__} {version}"):
        judge = partial(
            ingest,
            landing.raw(opened.site.landing, landed.delivery_id),
            feed=landed.feed,
            table=landed.table,
            laboratory=declared.laboratory,
            delivery_id=landed.delivery_id,
            received_at=received_at,
            landed_at=landed.landed_at if before is None else received_at,
            form=landed.form,
            history=landed.is_history,
            only_records=None if is_whole or before is None else before.open_records | also,
            zone=declared.site_zone,
            table_file=declared.table_file,
            is_of_inbox=landed.is_of_inbox,
        )
        intake = judge()
        with opened.reading() as connection:
            confirmed = confirmed_records(connection, intake.parts, landed.feed)
        intake = judge(confirmed=confirmed) if confirmed else intake
        taken_as = TakenAs(declared.table_file, is_whole, came.refusal, opened.site.state_an_authority())
        taking = Taking(landed, received_at, version, arrival if came.is_new else None, arrived_at)
        counted = _stored(opened, intake, taking, taken_as, before, is_again=came.is_again)
    if isinstance(counted, Earlier):
        return _already_known(landed, counted)
    with opened.reading() as connection:
        waiting = quarantine.waiting_for(connection, landed.delivery_id)
    for delivery_id, feed in waiting:
        ways = [way for way in landing.landed(opened.site.landing, delivery_id) if way.feed == feed]
        others = [way for way in ways if delivery_id != landed.delivery_id]
        counted += tuple(one for way in others for one in take_in_landed(opened, way, received_at=received_at))
    with opened.reading() as connection:
        again = to_judge_again(connection, landed.delivery_id) if _may_withdraw(intake) else {}
    for (delivery_id, feed), numbers in again.items():
        ways = [way for way in landing.landed(opened.site.landing, delivery_id) if way.feed == feed]
        held = (
            take_in_landed(opened, way, received_at=received_at, also=numbers) for way in ways if _holds_results(way)
        )
        counted += tuple(one for told in held for one in told)
    return counted


def _may_withdraw(intake: Intake) -> bool:
    """Whether a delivery brought a withdrawal, or what may be one."""
    return any(
        "result_status" in rows.columns and (rows["result_status"] == words.WITHDRAWN).any()
        for part in intake.parts
        for rows in (part.accepted, part.withdrawals)
        if rows is not None
    )


def _holds_results(landed: Landed) -> bool:
    return landed.table in (None, delivered.LEADING.name)


def _stored(
    opened: OpenSite, intake: Intake, taking: Taking, taken_as: TakenAs, before: Earlier | None, *, is_again: bool
) -> tuple[Counted, ...] | Earlier:
    """Stores one judging with all that follows from it, in one transaction. Gives what was told before where nothing is stored:
    another process was quicker with the same bytes, or they stand refused for the cause that they had, and each night would
    set them apart anew.
    """
    landed = taking.landed
    with opened.writing() as connection:
        meanwhile = earlier(connection, landed)
        if meanwhile is not None and meanwhile != before:
            return meanwhile
        unjudged.judged(connection, landed)
        tried = connection.begin_nested()
        counted = intake_store.append(
            connection,
            intake,
            landed=landed,
            received_at=taking.received_at,
            laboratory_file=taking.read_with,
            before=None if is_again else before,
            taken_as=taken_as,
        )
        if before is not None and not is_again and _is_refused_as_before(counted, before, taking.read_with):
            tried.rollback()
            _note_taking(opened, connection, taking if taking.arrival else None)
            return before
        tried.commit()
        note_feed(opened, connection, landed.feed, taking.received_at)
        unassessed.note(connection, landed.delivery_id, taking.received_at)
        _note_taking(opened, connection, taking)
    return counted


def _note_taking(opened: OpenSite, connection: sa.Connection, taking: Taking | None) -> None:
    """Notes how a delivery came, where that was new, and the line of the journal."""
    if taking is None:
        return
    if taking.arrival is not None:
        arrivals.note(connection, taking.landed, taking.arrival, taking.received_at)
    journal.note_taking(opened.site.landing, taking)


def declared_of(opened: OpenSite, landed: Landed) -> tuple[Declared, str]:
    """What the feed's files and the site say of such a delivery, and the fingerprint of it. Raises ProtocolError."""
    laboratory = opened.site.laboratory(landed.feed)
    if laboratory is None and landed.table in delivered.BY_LABORATORY:
        raise NoLaboratoryFile(_no_laboratory(opened, landed))
    zone = opened.site.settings().delivered_zone
    table_file = None if landed.table in delivered.BY_LABORATORY else opened.site.table_file(landed.feed)
    version = "" if laboratory is None else laboratory.fingerprint
    holds_results = landed.table is None or landed.table in delivered.BY_LABORATORY
    if holds_results and (stated := opened.site.state_an_authority()):
        version += f" {','.join(sorted(stated))}"
    if table_file is not None:
        version += f" {table_file.fingerprint}"
    if zone is not None and landed.table not in delivered.BY_LABORATORY:
        version += f" {zone.key}"
    return Declared(laboratory, table_file, zone), version


def _no_laboratory(opened: OpenSite, landed: Landed) -> str:
    """What to do where results came of a feed that has no laboratory file: another thing where it sends other tables."""
    file = opened.site.table_file(landed.feed)
    if file is None or not file.tables:
        return (
            f"there is no laboratory file for the feed {landed.feed!r}; add labs/{landed.feed}.toml to the site "
            "(cmvmon/feeds/labs/example_nl.toml is a template)"
        )
    tables = ", ".join(name for name in delivered.NAMES if name in file.tables)
    return (
        f"it was read as a table of {landed.table}, and the feed {landed.feed!r} has a table file alone ({tables}). A table is named "
        "(`ingest --table`, or its folder drop/<feed>/<table>); FHIR and HL7 name their tables and have names that end in .fhir.json, "
        f".fhir.ndjson or .hl7. Only where the feed sends results too, add labs/{landed.feed}.toml to the site"
    )


def _is_snapshot(landed: Landed, declared: Declared) -> bool:
    """Whether the delivery holds all that holds now of its one table; a delivery of history tells what was."""
    if landed.table is None or landed.is_history:
        return False
    return declared.sends(delivered.BY_NAME[landed.table]) == delivered.WHOLE_SNAPSHOT


def _note_arrival(opened: OpenSite, landed: Landed, arrival: Arrival | None, came: Came, received_at: datetime) -> None:
    if arrival is not None and came.is_new:
        with opened.writing() as connection:
            _note_taking(opened, connection, Taking(landed, received_at, "", arrival, None))


def _judges_again(before: Earlier, version: str, received_at: datetime) -> bool:
    """Whether something set apart may be read otherwise now: what it is read with has changed, time has passed, or what a
    withdrawal names has come. A snapshot that was older than one taken in stays so."""
    if OLDER_SNAPSHOT in before.refusals.values():
        return False
    time_has_passed = (before.waits_for_time or bool(before.refusals)) and received_at > before.received_at
    return bool(before.open_records) and (before.laboratory_file != version or time_has_passed or before.waits_no_more)


def _is_refused_as_before(counted: Sequence[Counted], before: Earlier, version: str) -> bool:
    """Whether all that was judged again stands refused for the cause it had, read with the same files."""
    now = {one.table: one.refused for one in counted}
    return bool(before.refusals) and now == before.refusals and version == before.laboratory_file


def _already_known(landed: Landed, before: Earlier) -> tuple[Counted, ...]:
    """The counts of a delivery that changes nothing: every record of it is a duplicate."""
    return tuple(
        Counted(
            delivery_id=landed.delivery_id,
            feed=landed.feed,
            table=table.table,
            attempt=table.attempt,
            received=table.received,
            accepted=0,
            quarantined=0,
            duplicates=table.received,
            ignored=0,
            reasons={},
            refused=table.refused,
            refused_because=None
            if table.refused is None
            else "it stands refused since it first came; see the ward page",
            was_known=True,
        )
        for table in before.tables
    )
