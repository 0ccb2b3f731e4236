CREATE TABLE alert_events (
    alert_id VARCHAR NOT NULL,
    sequence INTEGER NOT NULL,
    rule VARCHAR NOT NULL,
    subject_kind VARCHAR NOT NULL,
    patient_id VARCHAR,
    compartment VARCHAR,
    subject VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    standing VARCHAR,
    tier INTEGER NOT NULL,
    opened_at VARCHAR(27) NOT NULL,
    said_at VARCHAR(27) NOT NULL,
    changed_at VARCHAR(27) NOT NULL,
    cause VARCHAR,
    answered_by VARCHAR,
    answered_at VARCHAR(27),
    answered_on VARCHAR,
    reason VARCHAR,
    until VARCHAR(27),
    recipient VARCHAR,
    note VARCHAR,
    tells VARCHAR,
    evidence VARCHAR NOT NULL,
    protocol_version VARCHAR NOT NULL,
    protocol_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    PRIMARY KEY (alert_id, sequence)
)

CREATE INDEX ix_alert_events_changed_at ON alert_events (changed_at)

CREATE INDEX ix_alert_events_patient_id ON alert_events (patient_id)

CREATE INDEX ix_alert_events_state ON alert_events (state)

CREATE INDEX ix_alert_events_subject ON alert_events (rule, subject)

CREATE TABLE antiviral_courses (
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
    stop_reason VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_antiviral_courses_folded ON antiviral_courses (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_antiviral_courses_patient_id ON antiviral_courses (patient_id)

CREATE INDEX ix_antiviral_courses_received_at ON antiviral_courses (received_at)

CREATE INDEX ix_antiviral_courses_record_key ON antiviral_courses (record_key)

CREATE TABLE arrivals (
    feed VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    delivery_id VARCHAR(64) NOT NULL,
    file_name VARCHAR NOT NULL,
    modified_at VARCHAR(27) NOT NULL,
    arrived_at VARCHAR(27) NOT NULL,
    PRIMARY KEY (feed, table_name, delivery_id, file_name, modified_at)
)

CREATE TABLE assessed_patients (
    patient_id VARCHAR NOT NULL,
    as_of VARCHAR(27) NOT NULL,
    PRIMARY KEY (patient_id, as_of)
)

CREATE TABLE assessments (
    as_of VARCHAR(27) NOT NULL,
    scope VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    protocol_version VARCHAR NOT NULL,
    protocol_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    patients INTEGER NOT NULL,
    alert INTEGER NOT NULL,
    clear INTEGER NOT NULL,
    not_assessable INTEGER NOT NULL,
    PRIMARY KEY (as_of, scope, method, protocol_version, protocol_hash, code_version)
)

CREATE TABLE audit_log (
    sequence INTEGER NOT NULL,
    at VARCHAR(27) NOT NULL,
    event VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    actor VARCHAR,
    role VARCHAR,
    source VARCHAR,
    object VARCHAR,
    patients VARCHAR NOT NULL,
    because VARCHAR,
    previous VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (sequence)
)

CREATE INDEX ix_audit_log_at ON audit_log (at)

CREATE TABLE birth_dates (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    born_on VARCHAR NOT NULL,
    stated_at VARCHAR(27) NOT NULL,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_birth_dates_folded ON birth_dates (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_birth_dates_patient_id ON birth_dates (patient_id)

CREATE INDEX ix_birth_dates_received_at ON birth_dates (received_at)

CREATE INDEX ix_birth_dates_record_key ON birth_dates (record_key)

CREATE TABLE cmv_serology (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    of_whom VARCHAR NOT NULL,
    test VARCHAR NOT NULL,
    sampled_at VARCHAR(27) NOT NULL,
    serology_result VARCHAR NOT NULL,
    given_before VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_cmv_serology_folded ON cmv_serology (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_cmv_serology_patient_id ON cmv_serology (patient_id)

CREATE INDEX ix_cmv_serology_received_at ON cmv_serology (received_at)

CREATE INDEX ix_cmv_serology_record_key ON cmv_serology (record_key)

CREATE TABLE co_medication (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    atc_code VARCHAR NOT NULL,
    route VARCHAR,
    started_at VARCHAR(27) NOT NULL,
    stopped_at VARCHAR(27),
    dose_mg DOUBLE,
    dose_mg_per_kg DOUBLE,
    interval_h DOUBLE,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_co_medication_folded ON co_medication (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_co_medication_patient_id ON co_medication (patient_id)

CREATE INDEX ix_co_medication_received_at ON co_medication (received_at)

CREATE INDEX ix_co_medication_record_key ON co_medication (record_key)

CREATE TABLE concordance_counts (
    number INTEGER NOT NULL,
    row_key VARCHAR(64) NOT NULL,
    content VARCHAR(64) NOT NULL,
    is_gone BOOLEAN NOT NULL,
    patient_id VARCHAR NOT NULL,
    counts VARCHAR,
    laboratories VARCHAR NOT NULL,
    counts_until VARCHAR(27),
    as_of VARCHAR(27) NOT NULL,
    method VARCHAR NOT NULL,
    protocol_version VARCHAR NOT NULL,
    protocol_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    PRIMARY KEY (number)
)

CREATE INDEX ix_concordance_counts_patient_id ON concordance_counts (patient_id)

CREATE INDEX ix_concordance_counts_row_key ON concordance_counts (row_key, number)

CREATE TABLE deaths (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    died_at VARCHAR(27),
    died_on VARCHAR,
    says VARCHAR,
    stated_at VARCHAR(27) NOT NULL,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_deaths_folded ON deaths (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_deaths_patient_id ON deaths (patient_id)

CREATE INDEX ix_deaths_received_at ON deaths (received_at)

CREATE INDEX ix_deaths_record_key ON deaths (record_key)

CREATE TABLE deliveries (
    delivery_id VARCHAR(64) NOT NULL,
    feed VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    file_name VARCHAR NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    received_at VARCHAR(27) NOT NULL,
    is_history BOOLEAN NOT NULL,
    laboratory_file VARCHAR NOT NULL,
    refused VARCHAR,
    refused_because VARCHAR,
    received INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    ignored INTEGER NOT NULL,
    sends VARCHAR NOT NULL,
    withdrawn INTEGER NOT NULL,
    statuses_differ INTEGER,
    sent_ahead_s INTEGER,
    code_version VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    PRIMARY KEY (delivery_id, feed, table_name, attempt),
    CONSTRAINT nothing_lost CHECK (received = accepted + quarantined + duplicates + ignored)
)

CREATE INDEX ix_deliveries_newest ON deliveries (feed, table_name, landed_at, received_at, delivery_id, attempt)

CREATE INDEX ix_deliveries_received_at ON deliveries (received_at)

CREATE INDEX ix_deliveries_table ON deliveries (table_name, refused)

CREATE INDEX ix_deliveries_taken_in ON deliveries (feed, table_name, received_at, refused)

CREATE TABLE doses_given (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    drug VARCHAR NOT NULL,
    indication VARCHAR,
    administered VARCHAR NOT NULL,
    given_at VARCHAR(27) NOT NULL,
    dose_mg DOUBLE,
    route VARCHAR,
    dosing_weight_kg DOUBLE,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_doses_given_folded ON doses_given (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_doses_given_patient_id ON doses_given (patient_id)

CREATE INDEX ix_doses_given_received_at ON doses_given (received_at)

CREATE INDEX ix_doses_given_record_key ON doses_given (record_key)

CREATE TABLE drug_levels (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    drug VARCHAR NOT NULL,
    sampled_at VARCHAR(27) NOT NULL,
    level_value DOUBLE NOT NULL,
    unit VARCHAR NOT NULL,
    comparator VARCHAR,
    level_kind VARCHAR,
    last_dose_at VARCHAR(27),
    next_dose_at VARCHAR(27),
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_drug_levels_folded ON drug_levels (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_drug_levels_patient_id ON drug_levels (patient_id)

CREATE INDEX ix_drug_levels_received_at ON drug_levels (received_at)

CREATE INDEX ix_drug_levels_record_key ON drug_levels (record_key)

CREATE TABLE host_status (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    condition VARCHAR NOT NULL,
    stated_at VARCHAR(27) NOT NULL,
    ended_at VARCHAR(27),
    cd4_cells_per_ul DOUBLE,
    source VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_host_status_folded ON host_status (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_host_status_patient_id ON host_status (patient_id)

CREATE INDEX ix_host_status_received_at ON host_status (received_at)

CREATE INDEX ix_host_status_record_key ON host_status (record_key)

CREATE TABLE hsv_results (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    compartment VARCHAR NOT NULL,
    virus VARCHAR NOT NULL,
    collected_at VARCHAR(27) NOT NULL,
    pcr_result VARCHAR NOT NULL,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_hsv_results_folded ON hsv_results (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_hsv_results_patient_id ON hsv_results (patient_id)

CREATE INDEX ix_hsv_results_received_at ON hsv_results (received_at)

CREATE INDEX ix_hsv_results_record_key ON hsv_results (record_key)

CREATE TABLE icu_stays (
    version_number INTEGER NOT NULL,
    stay_id VARCHAR NOT NULL,
    patient_id VARCHAR NOT NULL,
    admitted_at VARCHAR(27) NOT NULL,
    discharged_at VARCHAR(27),
    ward VARCHAR,
    bed VARCHAR,
    ventilation_started_at VARCHAR(27),
    ventilation_stopped_at VARCHAR(27),
    ventilation_kind VARCHAR,
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
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_icu_stays_folded ON icu_stays (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_icu_stays_patient_id ON icu_stays (patient_id)

CREATE INDEX ix_icu_stays_received_at ON icu_stays (received_at)

CREATE INDEX ix_icu_stays_record_key ON icu_stays (record_key)

CREATE TABLE kidney_function (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    measured_at VARCHAR(27) NOT NULL,
    kidney_value DOUBLE NOT NULL,
    unit VARCHAR NOT NULL,
    weight_kg DOUBLE,
    body_surface_m2 DOUBLE,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_kidney_function_folded ON kidney_function (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_kidney_function_patient_id ON kidney_function (patient_id)

CREATE INDEX ix_kidney_function_received_at ON kidney_function (received_at)

CREATE INDEX ix_kidney_function_record_key ON kidney_function (record_key)

CREATE TABLE laboratory_values (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    analyte VARCHAR NOT NULL,
    sampled_at VARCHAR(27) NOT NULL,
    analyte_value DOUBLE NOT NULL,
    unit VARCHAR NOT NULL,
    comparator VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_laboratory_values_folded ON laboratory_values (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_laboratory_values_patient_id ON laboratory_values (patient_id)

CREATE INDEX ix_laboratory_values_received_at ON laboratory_values (received_at)

CREATE INDEX ix_laboratory_values_record_key ON laboratory_values (record_key)

CREATE TABLE landing_answers (
    delivery_id VARCHAR(64) NOT NULL,
    feed VARCHAR NOT NULL,
    kept_as VARCHAR NOT NULL,
    answered_at VARCHAR(27) NOT NULL,
    answer VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    PRIMARY KEY (delivery_id, feed, kept_as, answered_at)
)

CREATE TABLE open_alerts (
    alert_id VARCHAR NOT NULL,
    PRIMARY KEY (alert_id)
)

CREATE TABLE outbox_about (
    about VARCHAR NOT NULL,
    transition VARCHAR NOT NULL,
    message_id VARCHAR(32) NOT NULL,
    PRIMARY KEY (about, transition, message_id)
)

CREATE TABLE outbox_events (
    message_id VARCHAR(32) NOT NULL,
    sequence INTEGER NOT NULL,
    event VARCHAR NOT NULL,
    at VARCHAR(27) NOT NULL,
    cause VARCHAR,
    PRIMARY KEY (message_id, sequence)
)

CREATE INDEX ix_outbox_events_at ON outbox_events (event, at)

CREATE TABLE outbox_messages (
    message_id VARCHAR(32) NOT NULL,
    channel VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    facts VARCHAR NOT NULL,
    queued_at VARCHAR(27) NOT NULL,
    not_before VARCHAR(27) NOT NULL,
    PRIMARY KEY (message_id)
)

CREATE TABLE outbox_waiting (
    message_id VARCHAR(32) NOT NULL,
    PRIMARY KEY (message_id)
)

CREATE TABLE oxygenation (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    measured_at VARCHAR(27) NOT NULL,
    pao2_fio2_ratio DOUBLE NOT NULL,
    ratio_unit VARCHAR NOT NULL,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_oxygenation_folded ON oxygenation (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_oxygenation_patient_id ON oxygenation (patient_id)

CREATE INDEX ix_oxygenation_received_at ON oxygenation (received_at)

CREATE INDEX ix_oxygenation_record_key ON oxygenation (record_key)

CREATE TABLE patient_links (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    merged_into VARCHAR NOT NULL,
    merged_at VARCHAR(27) NOT NULL,
    ended_at VARCHAR(27),
    says VARCHAR,
    stated_at VARCHAR(27),
    birth_dates VARCHAR,
    source VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_patient_links_merged_into ON patient_links (merged_into)

CREATE INDEX ix_patient_links_patient_id ON patient_links (patient_id)

CREATE INDEX ix_patient_links_received_at ON patient_links (received_at)

CREATE INDEX ix_patient_links_record_key ON patient_links (record_key)

CREATE TABLE patient_movements (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    visit_number VARCHAR NOT NULL,
    movement VARCHAR NOT NULL,
    stated_at VARCHAR(27) NOT NULL,
    moved_at VARCHAR(27),
    unit VARCHAR,
    ward VARCHAR,
    bed VARCHAR,
    n_movements DOUBLE,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_patient_movements_folded ON patient_movements (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_patient_movements_patient_id ON patient_movements (patient_id)

CREATE INDEX ix_patient_movements_received_at ON patient_movements (received_at)

CREATE INDEX ix_patient_movements_record_key ON patient_movements (record_key)

CREATE INDEX ix_patient_movements_visit_number ON patient_movements (visit_number)

CREATE TABLE protocol_approvals (
    protocol_hash VARCHAR(64) NOT NULL,
    approved_at VARCHAR(27) NOT NULL,
    version VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    tried_at VARCHAR(27) NOT NULL,
    tried_by VARCHAR NOT NULL,
    PRIMARY KEY (protocol_hash, approved_at)
)

CREATE TABLE protocol_trials (
    protocol_hash VARCHAR(64) NOT NULL,
    tried_at VARCHAR(27) NOT NULL,
    version VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    days INTEGER NOT NULL,
    text VARCHAR NOT NULL,
    priors_name VARCHAR NOT NULL,
    priors_text VARCHAR NOT NULL,
    report VARCHAR NOT NULL,
    PRIMARY KEY (protocol_hash, tried_at)
)

CREATE TABLE quarantine_answers (
    feed VARCHAR NOT NULL,
    mark VARCHAR(64) NOT NULL,
    answered_at VARCHAR(27) NOT NULL,
    table_name VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    PRIMARY KEY (feed, mark, answered_at)
)

CREATE TABLE quarantined_records (
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
    identity VARCHAR,
    named_patient VARCHAR,
    named_key VARCHAR,
    PRIMARY KEY (delivery_id, feed, table_name, attempt, record_number)
)

CREATE INDEX ix_quarantined_records_named_key ON quarantined_records (named_key)

CREATE INDEX ix_quarantined_records_named_patient ON quarantined_records (named_patient)

CREATE TABLE renal_replacement (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    modality VARCHAR NOT NULL,
    started_at VARCHAR(27) NOT NULL,
    stopped_at VARCHAR(27),
    effluent_ml_per_h DOUBLE,
    anticoagulant VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_renal_replacement_folded ON renal_replacement (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_renal_replacement_patient_id ON renal_replacement (patient_id)

CREATE INDEX ix_renal_replacement_received_at ON renal_replacement (received_at)

CREATE INDEX ix_renal_replacement_record_key ON renal_replacement (record_key)

CREATE TABLE resistance_reports (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    request_id VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    requested_at VARCHAR(27) NOT NULL,
    compartment VARCHAR,
    gene VARCHAR,
    finding VARCHAR NOT NULL,
    mutation VARCHAR,
    ganciclovir_as_reported VARCHAR,
    cidofovir_as_reported VARCHAR,
    foscarnet_as_reported VARCHAR,
    maribavir_as_reported VARCHAR,
    letermovir_as_reported VARCHAR,
    reported_at VARCHAR(27),
    source VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_resistance_reports_folded ON resistance_reports (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_resistance_reports_patient_id ON resistance_reports (patient_id)

CREATE INDEX ix_resistance_reports_received_at ON resistance_reports (received_at)

CREATE INDEX ix_resistance_reports_record_key ON resistance_reports (record_key)

CREATE TABLE rule_switches (
    rule VARCHAR NOT NULL,
    changed_at VARCHAR(27) NOT NULL,
    is_disabled BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    PRIMARY KEY (rule, changed_at)
)

CREATE TABLE samples_ordered (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    order_number VARCHAR NOT NULL,
    compartment VARCHAR NOT NULL,
    ordered_at VARCHAR(27) NOT NULL,
    state VARCHAR NOT NULL,
    collected_at VARCHAR(27),
    stated_at VARCHAR(27),
    stated_by VARCHAR,
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_samples_ordered_folded ON samples_ordered (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_samples_ordered_patient_id ON samples_ordered (patient_id)

CREATE INDEX ix_samples_ordered_received_at ON samples_ordered (received_at)

CREATE INDEX ix_samples_ordered_record_key ON samples_ordered (record_key)

CREATE TABLE treatment_limitations (
    version_number INTEGER NOT NULL,
    patient_id VARCHAR NOT NULL,
    limitation VARCHAR NOT NULL,
    stated_at VARCHAR(27) NOT NULL,
    ended_at VARCHAR(27),
    received_at VARCHAR(27),
    delivery_id VARCHAR,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    is_withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_treatment_limitations_folded ON treatment_limitations (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_treatment_limitations_patient_id ON treatment_limitations (patient_id)

CREATE INDEX ix_treatment_limitations_received_at ON treatment_limitations (received_at)

CREATE INDEX ix_treatment_limitations_record_key ON treatment_limitations (record_key)

CREATE TABLE unassessed_deliveries (
    delivery_id VARCHAR(64) NOT NULL,
    stored_at VARCHAR(27) NOT NULL,
    PRIMARY KEY (delivery_id, stored_at)
)

CREATE TABLE unjudged_landings (
    delivery_id VARCHAR(64) NOT NULL,
    feed VARCHAR NOT NULL,
    kept_as VARCHAR NOT NULL,
    landed_at VARCHAR(27),
    PRIMARY KEY (delivery_id, feed, kept_as)
)

CREATE TABLE verdicts (
    number INTEGER NOT NULL,
    row_key VARCHAR(64) NOT NULL,
    content VARCHAR(64) NOT NULL,
    is_gone BOOLEAN NOT NULL,
    subject_kind VARCHAR NOT NULL,
    patient_id VARCHAR,
    compartment VARCHAR,
    subject VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    reason VARCHAR,
    tier INTEGER,
    evidence VARCHAR NOT NULL,
    as_of VARCHAR(27) NOT NULL,
    protocol_version VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    protocol_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    PRIMARY KEY (number)
)

CREATE INDEX ix_verdicts_patient_id ON verdicts (patient_id)

CREATE INDEX ix_verdicts_row_key ON verdicts (row_key, number)

CREATE TABLE viral_load_results (
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
    sent_at VARCHAR(27),
    received_at VARCHAR(27),
    delivered_value VARCHAR,
    delivered_unit VARCHAR,
    delivery_id VARCHAR,
    is_released BOOLEAN,
    confirms BOOLEAN,
    record_key VARCHAR NOT NULL,
    content VARCHAR(64) NOT NULL,
    delivered VARCHAR(64) NOT NULL,
    landed_at VARCHAR(27) NOT NULL,
    feed VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    PRIMARY KEY (version_number)
)

CREATE INDEX ix_viral_load_results_folded ON viral_load_results (lower(ltrim(replace(patient_id, ' ', ''), '0')))

CREATE INDEX ix_viral_load_results_patient_id ON viral_load_results (patient_id)

CREATE INDEX ix_viral_load_results_received_at ON viral_load_results (received_at)

CREATE INDEX ix_viral_load_results_record_key ON viral_load_results (record_key)

CREATE TABLE waiting_records (
    delivery_id VARCHAR NOT NULL,
    feed VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, feed, table_name, attempt, record_number)
)

CREATE TABLE weekly_decline (
    number INTEGER NOT NULL,
    row_key VARCHAR(64) NOT NULL,
    content VARCHAR(64) NOT NULL,
    is_gone BOOLEAN NOT NULL,
    patient_id VARCHAR NOT NULL,
    compartment VARCHAR NOT NULL,
    laboratory VARCHAR NOT NULL,
    assay VARCHAR NOT NULL,
    anchor_at VARCHAR(27) NOT NULL,
    treatment_week INTEGER NOT NULL,
    week_start VARCHAR(27) NOT NULL,
    week_end VARCHAR(27) NOT NULL,
    n_results INTEGER NOT NULL,
    n_censored INTEGER NOT NULL,
    estimated_since VARCHAR(27),
    first_result_id VARCHAR,
    last_result_id VARCHAR,
    n_used INTEGER NOT NULL,
    n_used_after_anchor INTEGER NOT NULL,
    observed_from_log10 DOUBLE,
    observed_to_log10 DOUBLE,
    observed_decline_low_log10_per_week DOUBLE,
    observed_decline_high_log10_per_week DOUBLE,
    decline_log10_per_week DOUBLE,
    decline_low_log10_per_week DOUBLE,
    decline_high_log10_per_week DOUBLE,
    probability_above_target DOUBLE,
    mean_decline_log10_per_week DOUBLE,
    mean_decline_low_log10_per_week DOUBLE,
    mean_decline_high_log10_per_week DOUBLE,
    mean_probability_above_target DOUBLE,
    probability_rebound DOUBLE,
    odds_non_responder DOUBLE,
    call VARCHAR,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    method VARCHAR NOT NULL,
    method_version VARCHAR NOT NULL,
    protocol_version VARCHAR NOT NULL,
    as_of VARCHAR(27) NOT NULL,
    protocol_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    PRIMARY KEY (number)
)

CREATE INDEX ix_weekly_decline_patient_id ON weekly_decline (patient_id)

CREATE INDEX ix_weekly_decline_row_key ON weekly_decline (row_key, number)

CREATE TRIGGER no_update_of_alert_events BEFORE UPDATE ON alert_events BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of alert_events: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_alert_events BEFORE DELETE ON alert_events BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of alert_events: DELETE is refused'); END

CREATE TRIGGER no_update_of_antiviral_courses BEFORE UPDATE ON antiviral_courses BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of antiviral_courses: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_antiviral_courses BEFORE DELETE ON antiviral_courses BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of antiviral_courses: DELETE is refused'); END

CREATE TRIGGER no_update_of_arrivals BEFORE UPDATE ON arrivals BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of arrivals: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_arrivals BEFORE DELETE ON arrivals BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of arrivals: DELETE is refused'); END

CREATE TRIGGER no_update_of_assessed_patients BEFORE UPDATE ON assessed_patients BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of assessed_patients: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_assessed_patients BEFORE DELETE ON assessed_patients BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of assessed_patients: DELETE is refused'); END

CREATE TRIGGER no_update_of_assessments BEFORE UPDATE ON assessments BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of assessments: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_assessments BEFORE DELETE ON assessments BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of assessments: DELETE is refused'); END

CREATE TRIGGER no_update_of_audit_log BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of audit_log: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_audit_log BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of audit_log: DELETE is refused'); END

CREATE TRIGGER no_update_of_birth_dates BEFORE UPDATE ON birth_dates BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of birth_dates: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_birth_dates BEFORE DELETE ON birth_dates BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of birth_dates: DELETE is refused'); END

CREATE TRIGGER no_update_of_cmv_serology BEFORE UPDATE ON cmv_serology BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of cmv_serology: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_cmv_serology BEFORE DELETE ON cmv_serology BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of cmv_serology: DELETE is refused'); END

CREATE TRIGGER no_update_of_co_medication BEFORE UPDATE ON co_medication BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of co_medication: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_co_medication BEFORE DELETE ON co_medication BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of co_medication: DELETE is refused'); END

CREATE TRIGGER no_update_of_concordance_counts BEFORE UPDATE ON concordance_counts BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of concordance_counts: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_concordance_counts BEFORE DELETE ON concordance_counts BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of concordance_counts: DELETE is refused'); END

CREATE TRIGGER no_update_of_deaths BEFORE UPDATE ON deaths BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of deaths: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_deaths BEFORE DELETE ON deaths BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of deaths: DELETE is refused'); END

CREATE TRIGGER no_update_of_deliveries BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of deliveries: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_deliveries BEFORE DELETE ON deliveries BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of deliveries: DELETE is refused'); END

CREATE TRIGGER no_update_of_doses_given BEFORE UPDATE ON doses_given BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of doses_given: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_doses_given BEFORE DELETE ON doses_given BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of doses_given: DELETE is refused'); END

CREATE TRIGGER no_update_of_drug_levels BEFORE UPDATE ON drug_levels BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of drug_levels: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_drug_levels BEFORE DELETE ON drug_levels BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of drug_levels: DELETE is refused'); END

CREATE TRIGGER no_update_of_host_status BEFORE UPDATE ON host_status BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of host_status: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_host_status BEFORE DELETE ON host_status BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of host_status: DELETE is refused'); END

CREATE TRIGGER no_update_of_hsv_results BEFORE UPDATE ON hsv_results BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of hsv_results: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_hsv_results BEFORE DELETE ON hsv_results BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of hsv_results: DELETE is refused'); END

CREATE TRIGGER no_update_of_icu_stays BEFORE UPDATE ON icu_stays BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of icu_stays: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_icu_stays BEFORE DELETE ON icu_stays BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of icu_stays: DELETE is refused'); END

CREATE TRIGGER no_update_of_kidney_function BEFORE UPDATE ON kidney_function BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of kidney_function: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_kidney_function BEFORE DELETE ON kidney_function BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of kidney_function: DELETE is refused'); END

CREATE TRIGGER no_update_of_laboratory_values BEFORE UPDATE ON laboratory_values BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of laboratory_values: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_laboratory_values BEFORE DELETE ON laboratory_values BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of laboratory_values: DELETE is refused'); END

CREATE TRIGGER no_update_of_landing_answers BEFORE UPDATE ON landing_answers BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of landing_answers: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_landing_answers BEFORE DELETE ON landing_answers BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of landing_answers: DELETE is refused'); END

CREATE TRIGGER no_update_of_outbox_about BEFORE UPDATE ON outbox_about BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of outbox_about: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_outbox_about BEFORE DELETE ON outbox_about BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of outbox_about: DELETE is refused'); END

CREATE TRIGGER no_update_of_outbox_events BEFORE UPDATE ON outbox_events BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of outbox_events: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_outbox_events BEFORE DELETE ON outbox_events BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of outbox_events: DELETE is refused'); END

CREATE TRIGGER no_update_of_outbox_messages BEFORE UPDATE ON outbox_messages BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of outbox_messages: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_outbox_messages BEFORE DELETE ON outbox_messages BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of outbox_messages: DELETE is refused'); END

CREATE TRIGGER no_update_of_oxygenation BEFORE UPDATE ON oxygenation BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of oxygenation: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_oxygenation BEFORE DELETE ON oxygenation BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of oxygenation: DELETE is refused'); END

CREATE TRIGGER no_update_of_patient_links BEFORE UPDATE ON patient_links BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of patient_links: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_patient_links BEFORE DELETE ON patient_links BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of patient_links: DELETE is refused'); END

CREATE TRIGGER no_update_of_patient_movements BEFORE UPDATE ON patient_movements BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of patient_movements: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_patient_movements BEFORE DELETE ON patient_movements BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of patient_movements: DELETE is refused'); END

CREATE TRIGGER no_update_of_protocol_approvals BEFORE UPDATE ON protocol_approvals BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of protocol_approvals: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_protocol_approvals BEFORE DELETE ON protocol_approvals BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of protocol_approvals: DELETE is refused'); END

CREATE TRIGGER no_update_of_protocol_trials BEFORE UPDATE ON protocol_trials BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of protocol_trials: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_protocol_trials BEFORE DELETE ON protocol_trials BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of protocol_trials: DELETE is refused'); END

CREATE TRIGGER no_update_of_quarantine_answers BEFORE UPDATE ON quarantine_answers BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of quarantine_answers: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_quarantine_answers BEFORE DELETE ON quarantine_answers BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of quarantine_answers: DELETE is refused'); END

CREATE TRIGGER no_update_of_quarantined_records BEFORE UPDATE ON quarantined_records BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of quarantined_records: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_quarantined_records BEFORE DELETE ON quarantined_records BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of quarantined_records: DELETE is refused'); END

CREATE TRIGGER no_update_of_renal_replacement BEFORE UPDATE ON renal_replacement BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of renal_replacement: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_renal_replacement BEFORE DELETE ON renal_replacement BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of renal_replacement: DELETE is refused'); END

CREATE TRIGGER no_update_of_resistance_reports BEFORE UPDATE ON resistance_reports BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of resistance_reports: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_resistance_reports BEFORE DELETE ON resistance_reports BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of resistance_reports: DELETE is refused'); END

CREATE TRIGGER no_update_of_rule_switches BEFORE UPDATE ON rule_switches BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of rule_switches: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_rule_switches BEFORE DELETE ON rule_switches BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of rule_switches: DELETE is refused'); END

CREATE TRIGGER no_update_of_samples_ordered BEFORE UPDATE ON samples_ordered BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of samples_ordered: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_samples_ordered BEFORE DELETE ON samples_ordered BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of samples_ordered: DELETE is refused'); END

CREATE TRIGGER no_update_of_treatment_limitations BEFORE UPDATE ON treatment_limitations BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of treatment_limitations: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_treatment_limitations BEFORE DELETE ON treatment_limitations BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of treatment_limitations: DELETE is refused'); END

CREATE TRIGGER no_update_of_verdicts BEFORE UPDATE ON verdicts BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of verdicts: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_verdicts BEFORE DELETE ON verdicts BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of verdicts: DELETE is refused'); END

CREATE TRIGGER no_update_of_viral_load_results BEFORE UPDATE ON viral_load_results BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of viral_load_results: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_viral_load_results BEFORE DELETE ON viral_load_results BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of viral_load_results: DELETE is refused'); END

CREATE TRIGGER no_update_of_weekly_decline BEFORE UPDATE ON weekly_decline BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of weekly_decline: UPDATE is refused'); END

CREATE TRIGGER no_delete_of_weekly_decline BEFORE DELETE ON weekly_decline BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of weekly_decline: DELETE is refused'); END
