"""The first version: deliveries, versions of delivered records, quarantine, alert events, assessments."""

from alembic import op

from cmvmon.shell.schema import VERSIONS

revision = "0001"
down_revision = None

_TABLES = (
    """CREATE TABLE alert_events (
    alert_id VARCHAR NOT NULL,
    sequence INTEGER NOT NULL,
    rule VARCHAR NOT NULL,
    subject_kind VARCHAR NOT NULL,
    patient_id VARCHAR,
    compartment VARCHAR,
    subject VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    tier INTEGER NOT NULL,
    opened_at VARCHAR(27) NOT NULL,
    changed_at VARCHAR(27) NOT NULL,
    cause VARCHAR,
    evidence VARCHAR NOT NULL,
    protocol_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    PRIMARY KEY (alert_id, sequence)
)""",
    """CREATE TABLE assessments (
    as_of VARCHAR(27) NOT NULL,
    scope VARCHAR NOT NULL,
    protocol_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    patients INTEGER NOT NULL,
    alert INTEGER NOT NULL,
    clear INTEGER NOT NULL,
    not_assessable INTEGER NOT NULL,
    PRIMARY KEY (as_of, scope, protocol_version, code_version)
)""",
    """CREATE TABLE deliveries (
    delivery_id VARCHAR(64) NOT NULL,
    feed VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    file_name VARCHAR NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    received_at VARCHAR(27) NOT NULL,
    is_history BOOLEAN NOT NULL,
    laboratory_file VARCHAR(64) NOT NULL,
    refused VARCHAR,
    refused_because VARCHAR,
    received INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    ignored INTEGER NOT NULL,
    code_version VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    PRIMARY KEY (delivery_id, feed, table_name, attempt),
    CONSTRAINT nothing_lost CHECK (received = accepted + quarantined + duplicates + ignored)
)""",
    """CREATE TABLE quarantined_records (
    delivery_id VARCHAR NOT NULL,
    feed VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    line INTEGER,
    reason VARCHAR NOT NULL,
    "column" VARCHAR,
    remedy VARCHAR NOT NULL,
    patient_id VARCHAR,
    delivered_text VARCHAR NOT NULL,
    PRIMARY KEY (delivery_id, feed, table_name, attempt, record_number)
)""",
)
# Nothing is ever changed in place or removed: the database itself refuses it.
_APPEND_ONLY = (
    "alert_events",
    "assessments",
    "deliveries",
    "quarantined_records",
    *VERSIONS,
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)
    for versions in VERSIONS.values():
        versions.create(op.get_bind())
    for table in _APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER no_{verb.lower()}_of_{table} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of {table}: {verb} is refused'); END"
            )
