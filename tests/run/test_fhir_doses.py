"""Doses from FHIR in a site's drop folder: kept once, taken back by a resource that was entered in error, and the same after a rebuild."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.delivered import BY_NAME
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.as_known.known import known_table
from cmvmon.shell.incoming.inbox import FHIR, Inbox, Message, key_of
from cmvmon.shell.work.opening import open_site
from tests.feeds.fhir_texts import Json, as_bytes, bundle, patient
from tests.feeds.test_fhir_doses import TABLE_FILE, given
from tests.run.test_fhir_files import put
from tests.sites import day, rows


def at(hour: int) -> dict[str, Any]:
    return {"effectivePeriod": None, "effectiveDateTime": f"2026-03-02T{hour:02}:00:00+01:00"}


def whole(*doses: Json) -> bytes:
    return as_bytes(bundle(patient(), *doses))


def known(root: Path, night: int) -> list[tuple[str, float | None]]:
    with open_site(root) as opened, opened.reading() as connection:
        found = known_table(connection, BY_NAME["doses_given"], as_of=day(night))
    assert found is not None
    return sorted(found.select("administered", "dose_mg").rows())


def test_doses_are_kept_once_and_one_that_was_entered_in_error_is_gone_whichever_came_first(tmp_path: Path) -> None:
    root, anew = tmp_path / "site", tmp_path / "anew"
    (root / "tables").mkdir(parents=True)
    (root / "tables" / "example_fhir.toml").write_text(TABLE_FILE, encoding="utf-8")
    put(
        root,
        "1.fhir.json",
        whole(given("a1", **at(8)), given("a2", "not-done", **at(14)), given("a3", "stopped", **at(20))),
    )
    put(root, "2.fhir.json", whole(given("late", "entered-in-error")))
    done = nightly(root, as_of=day(3))
    assert done.taken_in.faults == ()
    counted = [one for one in done.taken_in.counted if one.table == "doses_given"]
    assert [(one.received, one.accepted, one.quarantined) for one in counted] == [(3, 2, 1), (1, 0, 1)]
    assert known(root, 3) == [("given", 350.0), ("missed", None)]
    put(root, "3.fhir.json", whole(given("a1", "entered-in-error"), given("late", **at(9)), given("a3", **at(20))))
    nightly(root, as_of=day(4))
    assert known(root, 4) == [("given", 350.0), ("missed", None)]  # a3 is whole now; a1 and late are gone
    assert known(root, 3) == [("given", 350.0), ("missed", None)]
    again = "SELECT count(*) FROM doses_given"
    n = rows(root, again)
    nightly(root, as_of=day(4))
    assert rows(root, again) == n
    rebuild(root, anew)
    query = "SELECT record_key, drug, dose_mg, is_withdrawn, received_at FROM doses_given ORDER BY version_number"
    assert rows(anew, query) == rows(root, query) != []
    assert known(anew, 4) == known(root, 4)


@pytest.mark.parametrize("looks", [(3,), (1, 1, 1), (2, 1)])
def test_a_dose_that_is_posted_as_it_was_before_a_change_is_so_again(looks: tuple[int, ...], tmp_path: Path) -> None:
    """Given, not given, given: the third body is the first one's bytes, and holds, also in a site that is made again."""
    root, anew = tmp_path / "site", tmp_path / "anew"
    (root / "tables").mkdir(parents=True)
    (root / "tables" / "example_fhir.toml").write_text(TABLE_FILE, encoding="utf-8")
    was, other = whole(given("a1", **at(8))), whole(given("a1", "not-done", **at(8)))
    bodies = [was, other, was]
    for number, n in enumerate(looks):
        for body in bodies[:n]:
            with closing(Inbox(root)) as opened:
                key = key_of(FHIR, "umc", hashlib.sha256(body).hexdigest())
                opened.store(
                    [Message(body, key, "2026-03-02T12:00:00.000000+00:00", b"", "example_fhir", "umc", None, FHIR)]
                )
        del bodies[:n]
        assert nightly(root, as_of=day(3 + number)).taken_in.faults == ()
        if len(bodies) == 1:
            assert known(root, 3 + number) == [("missed", None)]
    assert known(root, 6) == [("given", 350.0)]
    rebuild(root, anew)
    assert known(anew, 6) == [("given", 350.0)]
