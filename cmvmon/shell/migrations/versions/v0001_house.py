"""The first version: deliveries, versions of delivered records, quarantine, alert events, assessments."""

from alembic import op

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
    """CREATE TABLE antiviral_courses (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    drug VARCHAR NOT NULL,
    indication VARCHAR,
    dose_mg DOUBLE,
    dose_mg_per_kg DOUBLE,
    interval_h DOUBLE,
    route VARCHAR,
    started_at VARCHAR(27) NOT NULL,
    stopped_at VARCHAR(27),
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    PRIMARY KEY (version_number)
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
    PRIMARY KEY (delivery_id, feed, table_name, attempt),
    CONSTRAINT nothing_lost CHECK (received = accepted + quarantined + duplicates + ignored)
)""",
    """CREATE TABLE icu_stays (
    version_number INTEGER NOT NULL,
    stay_id VARCHAR NOT NULL,
    patient_id VARCHAR NOT NULL,
    admitted_at VARCHAR(27) NOT NULL,
    discharged_at VARCHAR(27),
    ward VARCHAR,
    bed VARCHAR,
    ventilation_started_at VARCHAR(27),
    ventilation_stopped_at VARCHAR(27),
    affected_compartments VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    PRIMARY KEY (version_number)
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
    delivered_text VARCHAR NOT NULL,
    PRIMARY KEY (delivery_id, feed, table_name, attempt, record_number)
)""",
    """CREATE TABLE viral_load_results (
    version_number INTEGER NOT NULL,
    result_id VARCHAR NOT NULL,
    patient_id VARCHAR NOT NULL,
    compartment VARCHAR NOT NULL,
    laboratory VARCHAR NOT NULL,
    assay VARCHAR NOT NULL,
    collected_at VARCHAR(27) NOT NULL,
    result_status VARCHAR NOT NULL,
    detection VARCHAR NOT NULL,
    viral_load_iu_per_ml DOUBLE,
    lod_iu_per_ml DOUBLE,
    lloq_iu_per_ml DOUBLE,
    uloq_iu_per_ml DOUBLE,
    accession_number VARCHAR,
    reported_at VARCHAR(27),
    received_at VARCHAR(27),
    delivered_value VARCHAR,
    delivered_unit VARCHAR,
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    PRIMARY KEY (version_number)
)""",
)
_INDEXES = (
    "CREATE INDEX ix_antiviral_courses_patient_id ON antiviral_courses (patient_id)",
    "CREATE INDEX ix_antiviral_courses_record_key ON antiviral_courses (record_key)",
    "CREATE INDEX ix_icu_stays_patient_id ON icu_stays (patient_id)",
    "CREATE INDEX ix_icu_stays_record_key ON icu_stays (record_key)",
    "CREATE INDEX ix_viral_load_results_patient_id ON viral_load_results (patient_id)",
    "CREATE INDEX ix_viral_load_results_record_key ON viral_load_results (record_key)",
)
# Nothing is ever changed in place or removed: the database itself refuses it.
_APPEND_ONLY = (
    "alert_events",
    "antiviral_courses",
    "assessments",
    "deliveries",
    "icu_stays",
    "quarantined_records",
    "viral_load_results",
)


def upgrade() -> None:
    for statement in (*_TABLES, *_INDEXES):
        op.execute(statement)
    for table in _APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER no_{verb.lower()}_of_{table} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of {table}: {verb} is refused'); END"
            )
