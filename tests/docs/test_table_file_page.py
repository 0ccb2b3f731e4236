"""The page about the table file has an example and a meaning for every key that the reader asks for, and no other."""

from __future__ import annotations

import tomllib

from cmvmon.domain.delivered import DELIVERED
from tests.docs.table_file_page import EXAMPLE, keys, meanings


def test_every_key_that_the_reader_asks_for_has_its_meaning_and_no_other_has_one() -> None:
    assert set(keys()) == set(meanings())


def test_the_example_holds_every_key_but_those_that_another_stands_for() -> None:
    def holds(data: object, path: list[str]) -> bool:
        if not path:
            return True
        if path == ["<ours>"]:
            return isinstance(data, dict) and bool(data)
        return isinstance(data, dict) and path[0] in data and holds(data[path[0]], path[1:])

    read = tomllib.loads(EXAMPLE)
    lacking = {key for key in meanings() if not holds(read, key.split("."))}
    of_snapshots = ("sends", "max_withdrawn_share", "holds_days")
    of_rhythm = ("delivered_every.hours", "delivered_every.days")
    of_only = ("only_column", "only")
    of_status = ("status.withdrawn", "status.stands", "columns.row_id", "columns.status")
    assert lacking == {
        "antiviral_courses.columns.interval_h",
        "co_medication.columns.doses_per_day",
        *(f"antiviral_courses.{key}" for key in of_snapshots[1:]),
        *(f"icu_stays.{key}" for key in (*of_rhythm, *of_status)),
        *(
            f"{table}.{key}"
            for table in (
                "patient_movements",
                "host_status",
                "birth_dates",
                "deaths",
                "doses_given",
                "kidney_function",
                "renal_replacement",
                "drug_levels",
                "laboratory_values",
                "co_medication",
                "patient_links",
                "resistance_reports",
                "samples_ordered",
                "oxygenation",
                "cmv_serology",
                "hsv_results",
                "treatment_limitations",
            )
            for key in (*of_snapshots, *of_rhythm, *of_status)
        ),
        *(
            f"{table.name}.{key}"
            for table in DELIVERED
            if not table.by_laboratory and table.name != "samples_ordered"
            for key in of_only
        ),
    }
