"""The tables of the store, as SQLAlchemy sees them. Columns of delivered tables come from the row types.

Append-only: triggers refuse every UPDATE and DELETE. How a moment is stored is the dialect's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.concordance_counts import CONCORDANCE_COUNTS
from cmvmon.domain.delivered import DELIVERED, Delivered, Versions
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.shell import dialects


class Moment(TypeDecorator[datetime]):
    """An instant in UTC, to the microsecond."""

    impl = sa.String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(dialects.BY_NAME[dialect.name].moment)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        return None if value is None else dialects.BY_NAME[dialect.name].stored(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else dialects.BY_NAME[dialect.name].read(value)


_TYPES: dict[Kind, Any] = {
    Kind.TEXT: sa.String,
    Kind.NUMBER: sa.Double,
    Kind.INTEGER: sa.Integer,
    Kind.TRUTH: sa.Boolean,
    Kind.MOMENT: Moment,
}
METADATA = sa.MetaData()
# Under what something was said, beside every row that is recorded of an assessment (cmvmon.shell.rows.stamp).
STAMP = ("as_of", "method", "protocol_version", "protocol_hash", "code_version")


def _columns(row_type: RowType) -> list[sa.Column[Any]]:
    return [sa.Column(c.name, _TYPES[c.kind](), nullable=bool(c.null_means)) for c in row_type.columns]


def folded_number(number: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A patient's number without blanks, leading zeros and capitals, as `cmvmon.feeds.patient_numbers.fold_number`.

    Of letters beside A to Z a database may fold more than that one: what is found is looked at again.
    """
    solid = sa.func.replace(number, sa.literal_column("' '"), sa.literal_column("''"))
    return sa.func.lower(sa.func.ltrim(solid, sa.literal_column("'0'")))


def _versions(delivered: Delivered) -> sa.Table:
    """Every accepted version of a delivered table. `content` and `delivered` are hashes that tell versions apart.

    `is_withdrawn`: from then on the record does not stand. A result says so itself, in its status.
    """
    row_type = delivered.rows
    names = {column.name for column in row_type.columns}
    withdrawn = [sa.Column("is_withdrawn", sa.Boolean, nullable=False)]
    return sa.Table(
        row_type.name,
        METADATA,
        sa.Column("version_number", sa.Integer, primary_key=True),
        *(column for column in _columns(row_type)),
        sa.Column("record_key", sa.String, nullable=False, index=True),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("delivered", sa.String(64), nullable=False),
        sa.Column("landed_at", Moment(), nullable=False),
        *([] if "feed" in names else [sa.Column("feed", sa.String, nullable=False)]),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("record_number", sa.Integer, nullable=False),
        *(withdrawn if delivered.versions is Versions.SNAPSHOT else []),
        *(sa.Index(f"ix_{row_type.name}_{name}", name) for name in delivered.patients),
        sa.Index(f"ix_{row_type.name}_received_at", "received_at"),
        *([sa.Index(f"ix_{row_type.name}_visit_number", "visit_number")] if "visit_number" in names else []),
        *(
            []
            if delivered.says_who
            else [sa.Index(f"ix_{row_type.name}_folded", folded_number(sa.column("patient_id")))]
        ),
    )


DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("delivery_id", sa.String(64), primary_key=True),
    sa.Column("feed", sa.String, primary_key=True),
    sa.Column("table_name", sa.String, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("landed_at", Moment(), nullable=False),
    sa.Column("received_at", Moment(), nullable=False),
    sa.Column("is_history", sa.Boolean, nullable=False),
    sa.Column("laboratory_file", sa.String, nullable=False),
    sa.Column("refused", sa.String),
    sa.Column("refused_because", sa.String),
    sa.Column("received", sa.Integer, nullable=False),
    sa.Column("accepted", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
    sa.Column("duplicates", sa.Integer, nullable=False),
    sa.Column("ignored", sa.Integer, nullable=False),
    # What it was taken for (cmvmon.feeds.table_file), and how many known records it withdrew: they are none of the received.
    sa.Column("sends", sa.String, nullable=False),
    sa.Column("withdrawn", sa.Integer, nullable=False),
    # What was odd in what is used (cmvmon.feeds.judged.Noticed); null in rows of before version 0004.
    sa.Column("statuses_differ", sa.Integer),
    sa.Column("sent_ahead_s", sa.Integer),
    sa.Column("code_version", sa.String, nullable=False),
    sa.Column("format", sa.String, nullable=False),
    sa.CheckConstraint("received = accepted + quarantined + duplicates + ignored", name="nothing_lost"),
    sa.Index("ix_deliveries_table", "table_name", "refused"),
    sa.Index("ix_deliveries_received_at", "received_at"),
    sa.Index("ix_deliveries_newest", "feed", "table_name", "landed_at", "received_at", "delivery_id", "attempt"),
    sa.Index("ix_deliveries_taken_in", "feed", "table_name", "received_at", "refused"),
)

# How snapshots came, where it is not told by their bytes: one that returns to earlier bytes comes anew. A file that was left
# in place did not. `file_name` is empty where somebody took the file in by hand.
ARRIVALS = sa.Table(
    "arrivals",
    METADATA,
    sa.Column("feed", sa.String, primary_key=True),
    sa.Column("table_name", sa.String, primary_key=True),
    sa.Column("delivery_id", sa.String(64), primary_key=True),
    sa.Column("file_name", sa.String, primary_key=True),
    sa.Column("modified_at", Moment(), primary_key=True),
    sa.Column("arrived_at", Moment(), nullable=False),
)

VERSIONS: dict[str, sa.Table] = {table.name: _versions(table) for table in DELIVERED}

QUARANTINE = sa.Table(
    QUARANTINED_RECORDS.name,
    METADATA,
    *_columns(QUARANTINED_RECORDS),
    # What it names (cmvmon.domain.identity), and of that its patient and its key: of a patient, so not in the row type.
    sa.Column("identity", sa.String),
    sa.Column("named_patient", sa.String, index=True),
    sa.Column("named_key", sa.String, index=True),
    sa.PrimaryKeyConstraint(*QUARANTINED_RECORDS.key),
)

# What a person said of records that wait (cmvmon.shell.waiting.quarantine_answers). `mark` = a hash of what was delivered.
QUARANTINE_ANSWERS = sa.Table(
    "quarantine_answers",
    METADATA,
    sa.Column("feed", sa.String, primary_key=True),
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("answered_at", Moment(), primary_key=True),
    sa.Column("table_name", sa.String, nullable=False),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
)

# Which of them wait: follows from what is stored, and is written with every delivery, so that nothing reads them all.
WAITING = sa.Table(
    "waiting_records",
    METADATA,
    *(
        sa.Column(name, _TYPES[QUARANTINED_RECORDS.column(name).kind](), primary_key=True, autoincrement=False)
        for name in QUARANTINED_RECORDS.key
    ),
    info={"is_derived": True},
)

ALERT_EVENTS = sa.Table(
    "alert_events",
    METADATA,
    sa.Column("alert_id", sa.String, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("subject_kind", sa.String, nullable=False),
    sa.Column("patient_id", sa.String),
    sa.Column("compartment", sa.String),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    # How it stands open (words.ALERT_STANDING); null where it has ended.
    sa.Column("standing", sa.String),
    sa.Column("tier", sa.Integer, nullable=False),
    sa.Column("opened_at", Moment(), nullable=False),
    # The moment of the last verdict that changed it; `changed_at` also counts what persons said.
    sa.Column("said_at", Moment(), nullable=False),
    sa.Column("changed_at", Moment(), nullable=False),
    sa.Column("cause", sa.String),
    # The answer that stands (cmvmon.answers): who, when, on what, why as a code, and until when it is snoozed.
    sa.Column("answered_by", sa.String),
    sa.Column("answered_at", Moment()),
    sa.Column("answered_on", sa.String),
    sa.Column("reason", sa.String),
    sa.Column("until", Moment()),
    # Of this event alone: who was called, what a person wrote, and whose answer it takes the ground from.
    sa.Column("recipient", sa.String),
    sa.Column("note", sa.String),
    sa.Column("tells", sa.String),
    sa.Column("evidence", sa.String, nullable=False),
    sa.Column("protocol_version", sa.String, nullable=False),
    sa.Column("protocol_hash", sa.String, nullable=False),
    sa.Column("code_version", sa.String, nullable=False),
    sa.Index("ix_alert_events_patient_id", "patient_id"),
    sa.Index("ix_alert_events_subject", "rule", "subject"),
    sa.Index("ix_alert_events_state", "state"),
    sa.Index("ix_alert_events_changed_at", "changed_at"),
)

# Which alerts stand open: follows from their events, and is written with them, so that no page reads every alert there was.
OPEN_ALERTS = sa.Table(
    "open_alerts", METADATA, sa.Column("alert_id", sa.String, primary_key=True), info={"is_derived": True}
)

# Which rules the site switched off, and on again (cmvmon.shell.alerts.rule_switches).
RULE_SWITCHES = sa.Table(
    "rule_switches",
    METADATA,
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("changed_at", Moment(), primary_key=True),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)

# Protocols that were tried on the site, each with its texts, and those that another person approved (cmvmon.shell.folder.approved).
PROTOCOL_TRIALS = sa.Table(
    "protocol_trials",
    METADATA,
    sa.Column("protocol_hash", sa.String(64), primary_key=True),
    sa.Column("tried_at", Moment(), primary_key=True),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("priors_name", sa.String, nullable=False),
    sa.Column("priors_text", sa.String, nullable=False),
    sa.Column("report", sa.String, nullable=False),  # JSON: what differs, and counts of alerts; no patient
)
PROTOCOL_APPROVALS = sa.Table(
    "protocol_approvals",
    METADATA,
    sa.Column("protocol_hash", sa.String(64), primary_key=True),
    sa.Column("approved_at", Moment(), primary_key=True),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("tried_at", Moment(), nullable=False),
    sa.Column("tried_by", sa.String, nullable=False),
)

ASSESSMENTS = sa.Table(
    "assessments",
    METADATA,
    sa.Column("as_of", Moment(), primary_key=True),
    sa.Column("scope", sa.String, primary_key=True),
    *(sa.Column(name, sa.String, primary_key=True) for name in STAMP if name != "as_of"),
    sa.Column("patients", sa.Integer, nullable=False),
    sa.Column("alert", sa.Integer, nullable=False),
    sa.Column("clear", sa.Integer, nullable=False),
    sa.Column("not_assessable", sa.Integer, nullable=False),
)

# The moments at which each patient was judged and recorded: a later word stands.
ASSESSED_PATIENTS = sa.Table(
    "assessed_patients",
    METADATA,
    sa.Column("patient_id", sa.String, primary_key=True),
    sa.Column("as_of", Moment(), primary_key=True),
)


def _said(row_type: RowType) -> sa.Table:
    """What was said at each moment, changed rows only; `is_gone` = no longer judged (cmvmon.shell.alerts.stored_results)."""
    names = {column.name for column in row_type.columns}
    beside = [name for name in STAMP if name not in names]
    return sa.Table(
        row_type.name,
        METADATA,
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("row_key", sa.String(64), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("is_gone", sa.Boolean, nullable=False),
        *_columns(row_type),
        *(sa.Column(name, Moment() if name == "as_of" else sa.String, nullable=False) for name in beside),
        sa.Index(f"ix_{row_type.name}_patient_id", "patient_id"),
        sa.Index(f"ix_{row_type.name}_row_key", "row_key", "number"),
    )


STORED: dict[str, sa.Table] = {
    row_type.name: _said(row_type) for row_type in (WEEKLY_DECLINE, VERDICTS, CONCORDANCE_COUNTS)
}

# Deliveries that are stored and whose patients nobody has judged since: written with the delivery, and taken away once their pages
# stand (cmvmon.shell.as_known.unassessed). From here `cmvmon serve` calls for a lab feed.
UNASSESSED = sa.Table(
    "unassessed_deliveries",
    METADATA,
    sa.Column("delivery_id", sa.String(64), primary_key=True),
    sa.Column("stored_at", Moment(), primary_key=True),
    info={"is_derived": True},
)

# Ways in which a delivery has landed of which nothing is judged (`unjudged`): follows from the landing folder and from what
# is stored. `landed_at` null = its note can't be read. The row without an id says that the folder was gone through.
UNJUDGED = sa.Table(
    "unjudged_landings",
    METADATA,
    sa.Column("delivery_id", sa.String(64), primary_key=True),
    sa.Column("feed", sa.String, primary_key=True),
    sa.Column("kept_as", sa.String, primary_key=True),
    sa.Column("landed_at", Moment()),
    info={"is_derived": True},
)
# What a person said of such a delivery: dismissed (landed for a mistyped feed), or taken back.
LANDING_ANSWERS = sa.Table(
    "landing_answers",
    METADATA,
    sa.Column("delivery_id", sa.String(64), primary_key=True),
    sa.Column("feed", sa.String, primary_key=True),
    sa.Column("kept_as", sa.String, primary_key=True),
    sa.Column("answered_at", Moment(), primary_key=True),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
)

# What is told to people: each message once, what it is about, and what became of it (cmvmon.shell.outgoing.outbox).
OUTBOX_MESSAGES = sa.Table(
    "outbox_messages",
    METADATA,
    sa.Column("message_id", sa.String(32), primary_key=True),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("facts", sa.String, nullable=False),
    sa.Column("queued_at", Moment(), nullable=False),
    sa.Column("not_before", Moment(), nullable=False),
)
OUTBOX_ABOUT = sa.Table(
    "outbox_about",
    METADATA,
    sa.Column("about", sa.String, primary_key=True),
    sa.Column("transition", sa.String, primary_key=True),
    sa.Column("message_id", sa.String(32), primary_key=True),
)
OUTBOX_EVENTS = sa.Table(
    "outbox_events",
    METADATA,
    sa.Column("message_id", sa.String(32), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("at", Moment(), nullable=False),
    sa.Column("cause", sa.String),
    sa.Index("ix_outbox_events_at", "event", "at"),
)
# Which of them wait: follows from their events, and is written with them.
OUTBOX_WAITING = sa.Table(
    "outbox_waiting", METADATA, sa.Column("message_id", sa.String(32), primary_key=True), info={"is_derived": True}
)

# Who looked at what on the board, and what was done there (`audit_log`): each row holds the hash of the one before it.
AUDIT_LOG = sa.Table(
    "audit_log",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment(), nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("actor", sa.String),
    sa.Column("role", sa.String),
    sa.Column("source", sa.String),
    sa.Column("object", sa.String),
    sa.Column("patients", sa.String, nullable=False),  # a JSON list of numbers
    sa.Column("because", sa.String),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_log_at", "at"),
)
