"""The quarantine as a work list: who must act, how long it waits, what a person says of it, and judging again. All made up."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import SiteError
from cmvmon.feeds.owners import NOBODY, OWNERS, owner_of
from cmvmon.feeds.reasons import DELIVERY_REASONS, RECORD_REASONS, promise_sentences
from cmvmon.run.answers.quarantine_answers import answer_quarantine, answered, reopen
from cmvmon.run.asking.quarantine_list import (
    STANDS,
    counted_apart,
    listed_quarantine,
    quarantined_record,
    refuse_unknown_feed,
)
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.run.daytime.quarantine_retry import OfReason, release, retry
from cmvmon.run.deliveries import landed_delivery
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.work.opening import open_site
from tests.feeds.fhir_texts import observation, patient, specimen, told
from tests.listen.listening import result as message
from tests.patients import HEADERS
from tests.run.test_inbox_taking import come
from tests.sites import course, day, drop, lain_still, result, rows

RESULTS = "viral_load_results"
BAD = result("SYNTHETIC-1", 3, "ca. 500")
CLOCKS = ("cmvmon.shell.store.session.now", "cmvmon.run.asking.quarantine_list.now")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock that is read when somebody answers, or judges again."""

    def stand(at: datetime) -> None:
        for place in CLOCKS:
            monkeypatch.setattr(place, lambda: at)

    stand(day(10))
    return stand


def laboratory(root: Path, name: str, *, without: tuple[str, ...] = (), **replaced: str) -> None:
    """A laboratory file of the package as the site's own, without the lines that begin so."""
    text = resources.files("cmvmon.feeds").joinpath("labs", f"{name}.toml").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(without or ("\0",))]
    (root / "labs").mkdir(parents=True, exist_ok=True)
    (root / "labs" / f"{name}.toml").write_text("\n".join(kept), encoding="utf-8")


def take_in(root: Path, path: Path, feed: str, table: str | None = None) -> None:
    for _, found in take_in_by_hand(root, [path], feed=feed, table=table):
        if isinstance(found, SiteError):
            raise found


def as_csv(root: Path) -> None:
    path = drop(root, RESULTS, [result("SYNTHETIC-1", 1, 20_000), result("SYNTHETIC-2", 1, 500, unit="log10 IU/mL")])
    take_in(root, path, "synthetic")


def as_parquet(root: Path) -> None:
    names, cells = HEADERS[RESULTS].split(","), result("SYNTHETIC-1", 1, 20_000).split(",")
    path = root / "one.parquet"
    pl.DataFrame([cells], schema=names, orient="row").write_parquet(path)
    take_in(root, path, "synthetic")


def as_lines(root: Path) -> None:
    record = dict(zip(HEADERS[RESULTS].split(","), result("SYNTHETIC-1", 1, 20_000).split(","), strict=True))
    path = root / "one.ndjson"
    path.write_text(json.dumps({"table": RESULTS} | record) + '\n{"records": 1}\n', encoding="utf-8")
    take_in(root, path, "synthetic")


def as_hl7(root: Path) -> None:
    path = root / "one.hl7"
    path.write_bytes(message("1"))
    take_in(root, path, "example_hl7")


def as_fhir(root: Path) -> None:
    path = root / "one.fhir.json"
    path.write_bytes(told(patient(), specimen(), observation()))
    take_in(root, path, "example_fhir")


def as_message(root: Path) -> None:
    come(root, message("1"))
    with open_site(root) as opened:
        take_in_drop(opened, received_at=day(90))


WAYS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "csv": ("synthetic", as_csv),
    "parquet": ("synthetic", as_parquet),
    "ndjson": ("synthetic", as_lines),
    "hl7": ("example_hl7", as_hl7),
    "fhir": ("example_fhir", as_fhir),
    "inbox": ("example_hl7", as_message),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_mended_laboratory_file_brings_right_what_waits_whatever_it_came_in(
    tmp_path: Path, way: str, clock: Callable[[datetime], None]
) -> None:
    feed, comes = WAYS[way]
    clock(day(90))
    laboratory(tmp_path, feed, without=('"[IU]/mL" =', '"[iU]/mL" =', '"IU/mL" ='))
    comes(tmp_path)
    waiting = [row["reason"] for row in listed_quarantine(tmp_path)]
    assert "unknown_unit" in waiting
    clock(day(91))
    found = retry(tmp_path)
    assert (found.reasons["unknown_unit"], found.counted) == (OfReason(0, 1), ())
    laboratory(tmp_path, feed)
    clock(day(92))
    found = retry(tmp_path)
    assert found.reasons["unknown_unit"] == OfReason(brought_right=1)
    assert sum(one.accepted for one in found.counted) == 1
    assert "unknown_unit" not in [row["reason"] for row in listed_quarantine(tmp_path)]
    n = rows(tmp_path, "SELECT COUNT(*) FROM deliveries")
    assert retry(tmp_path).counted == (), "a second time nothing is judged"
    assert rows(tmp_path, "SELECT COUNT(*) FROM deliveries") == n


@pytest.fixture
def waiting(site: Path, clock: Callable[[datetime], None]) -> Path:
    """One record that can't be read beside a good one, on each kind of database."""
    drop(site, RESULTS, [result("SYNTHETIC-1", 1, 20_000), BAD])
    nightly(site, as_of=day(5))
    return site


def test_the_list_says_who_must_act_for_how_long_it_waits_and_its_shape_and_no_patient(waiting: Path) -> None:
    (line,) = listed_quarantine(waiting)
    assert (line["owner"], line["age_days"], line["sample"]) == ("site", 5, "aa. 999")
    assert line["since"].startswith(day(5).isoformat()[:13])
    assert "SYNTHETIC" not in json.dumps(line)
    masked = json.dumps(quarantined_record(waiting, line["record"]))
    assert "SYNTHETIC" not in masked
    assert "ca. 500" not in masked
    whole = quarantined_record(waiting, line["record"], as_delivered=True)
    assert (whole["patient_id"], whole["delivered_text"]["value"]) == ("SYNTHETIC-1", "ca. 500")


def test_a_word_of_three_patients_is_told_and_a_name_in_its_place_is_not(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    odd = [result(f"SYNTHETIC-{n}", 1, 20_000, specimen="Sputum") for n in (1, 2, 3)]
    name = [result("SYNTHETIC-4", d, 20_000, specimen="J. de Vries") for d in (1, 2, 3)]
    drop(tmp_path, RESULTS, [*odd, *name])
    nightly(tmp_path, as_of=day(5))
    assert sorted(line["sample"] for line in listed_quarantine(tmp_path)) == [*["Sputum"] * 3, *["a. aa aaaaa"] * 3]


def test_a_cell_of_a_file_without_a_header_is_not_shown_as_a_header(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    path = drop(tmp_path, RESULTS, [])
    path.write_text("SYNTHETIC-77,Jansen\nSYNTHETIC-78,Pietersen\n", encoding="utf-8")
    lain_still(path)
    nightly(tmp_path, as_of=day(path.stat().st_mtime and 5))
    for line in listed_quarantine(tmp_path):
        shown = json.dumps(quarantined_record(tmp_path, line["record"])) + json.dumps(line)
        assert not [
            word for word in ("SYNTHETIC", "Jansen", "Pietersen", "77") if word in shown.replace(line["record"], "")
        ]


def test_every_reason_has_an_owner_and_only_a_failed_test_has_nobody() -> None:
    codes = {*RECORD_REASONS, *DELIVERY_REASONS, *promise_sentences()}
    owners = {code: owner_of(code) for code in codes}
    assert set(owners.values()) == set(OWNERS)
    assert {code for code, owner in owners.items() if owner == NOBODY} == {"invalid_result"}
    assert (owners["missing_patient_id"], owners["unknown_assay"]) == ("sender", "site")
    assert owners["unknown_specimen"] == "sender or site"


@pytest.mark.parametrize(
    ("refusal", "owner"),
    [
        ("cut_off", "sender"),
        ("empty_file", "sender"),
        ("wrong_count", "sender"),
        ("wrong_feed", "site"),
        ("no_such_code", "site"),
    ],
)
def test_a_delivery_that_was_refused_waits_for_whoever_its_refusal_asks(refusal: str, owner: str) -> None:
    said = f"Mend what the refusal names and take the file in again. The refusal ({refusal}): as it says."
    assert owner_of("delivery_refused", sentence=said) == owner


def test_a_rejected_record_is_not_used_though_a_mended_file_could_read_it_until_that_is_taken_back(
    site: Path, clock: Callable[[datetime], None]
) -> None:
    laboratory(site, "synthetic", without=('"IU/mL" =',))
    wrong = result("SYNTHETIC-1", 3, 9_000)
    drop(site, RESULTS, [wrong, result("SYNTHETIC-1", 4, 8_000)])
    nightly(site, as_of=day(5))
    first, _ = listed_quarantine(site)
    said = "the tube was another patient's"
    assert answer_quarantine(site, first["record"], answer="rejected", why=said, actor="dr. A") == 1
    laboratory(site, "synthetic")
    clock(day(11))
    assert retry(site).reasons == {"unknown_unit": OfReason(brought_right=1)}
    drop(site, RESULTS, [wrong, result("SYNTHETIC-1", 6, 7_000)], name="two.csv")
    clock(day(12))
    with open_site(site) as opened:
        (_, counted) = take_in_drop(opened, received_at=day(12)).counted
    assert (counted.accepted, dict(counted.reasons)) == (1, {"rejected_by_a_person": 1})
    used = "SELECT viral_load_iu_per_ml FROM viral_load_results ORDER BY 1"
    assert [load for (load,) in rows(site, used)] == [7_000, 8_000]
    assert listed_quarantine(site) == []
    assert counted_apart(site) == {"rejected": 1}
    (one,) = answered(site)
    assert (one["answer"], one["actor"], one["why"]) == ("rejected", "dr. A", said)
    reopen(site, one["record"], why="it was hers after all", actor="dr. B")
    assert len(listed_quarantine(site)) == 1
    clock(day(13))
    retry(site)
    assert [load for (load,) in rows(site, used)] == [7_000, 8_000, 9_000]
    assert (listed_quarantine(site), counted_apart(site)) == ([], {})
    assert rows(site, "SELECT COUNT(*) FROM quarantine_answers") == [(2,)], "nothing was overwritten"


def test_of_two_people_the_second_is_told_who_answered_first(waiting: Path) -> None:
    (line,) = listed_quarantine(waiting)
    answer_quarantine(waiting, line["record"], answer="rejected", why="a typing error", actor="dr. A")
    for answer in ("rejected", "closed"):
        with pytest.raises(SiteError, match=r"answered already: rejected by dr.*quarantine reopen"):
            answer_quarantine(waiting, line["record"], answer=answer, why="the same", actor="dr. B")
    assert [row["actor"] for row in answered(waiting)] == ["dr. A"]


def _answer(root: Path, record: str, actor: str, results: Any) -> None:
    try:
        results.put((actor, answer_quarantine(root, record, answer="rejected", why="wrong", actor=actor)))
    except SiteError as error:
        results.put((actor, str(error)))


def test_of_two_processes_at_once_one_answers(tmp_path: Path) -> None:
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 1, 20_000), BAD])
    nightly(tmp_path, as_of=day(5))
    (line,) = listed_quarantine(tmp_path)
    spawned = multiprocessing.get_context("spawn")
    results = spawned.Queue()
    people = [spawned.Process(target=_answer, args=(tmp_path, line["record"], who, results)) for who in ("A", "B")]
    for one in people:
        one.start()
    said = dict(results.get(timeout=120) for _ in people)
    for one in people:
        one.join(timeout=60)
    assert sorted(str(word).split(":")[0] for word in said.values()) == ["1", "that was answered already"]
    assert len(answered(tmp_path)) == 1


def test_how_a_name_begins_finds_the_record_and_one_that_begins_several_names_them(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    drop(tmp_path, RESULTS, [result(f"SYNTHETIC-{n}", 1, f"ca. {n}00") for n in range(1, 12)])
    nightly(tmp_path, as_of=day(5))
    names = [line["record"] for line in listed_quarantine(tmp_path)]
    tenth = next(name for name in names if name.endswith("-10"))
    first = tenth.removesuffix("0")
    assert quarantined_record(tmp_path, first)["record_number"] == 1, (
        "a whole name is that record, though others begin so"
    )
    assert quarantined_record(tmp_path, tenth)["record_number"] == 10
    with pytest.raises(SiteError, match="11 records have a name that begins so") as told:
        quarantined_record(tmp_path, first.removesuffix("-1"))
    assert sum(name in str(told.value) for name in names) >= 5
    with pytest.raises(SiteError, match="no record of that name waits"):
        answer_quarantine(tmp_path, "ab", answer="rejected", why="x", actor=None)
    assert len(listed_quarantine(tmp_path)) == 11


def test_one_of_two_contradicting_records_is_not_rejected_for_that_would_not_bring_the_other_into_use(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    pair = [result("SYNTHETIC-1", 1, value, accession="A-1") for value in (20_000, 300)]
    drop(tmp_path, RESULTS, [*pair, result("SYNTHETIC-1", 2, 500)])
    nightly(tmp_path, as_of=day(5))
    for line in listed_quarantine(tmp_path):
        with pytest.raises(SiteError, match="for the laboratory to say"):
            answer_quarantine(tmp_path, line["record"], answer="rejected", why="x", actor=None)
    assert counted_apart(tmp_path) == {}


OLD = result("SYNTHETIC-1", -300, 20_000, reported=(day(2)).isoformat())


def test_the_list_looks_up_the_deliveries_of_what_waits_and_reads_no_others(tmp_path: Path) -> None:
    """Each delivery by its key, however many there were; of one that was judged twice as it came first."""
    for n in range(3):
        drop(tmp_path, RESULTS, [result(f"SYNTHETIC-{n}", 1, 20_000)], name=f"{n}.csv")
    drop(tmp_path, RESULTS, [BAD], name="bad.csv")
    nightly(tmp_path, as_of=day(5))
    with open_site(tmp_path) as opened, opened.reading() as connection:
        asked = str(quarantine._CAME_IN.compile(connection.engine))
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}").all())
        assert "SCAN deliveries" not in plan
        assert "SEARCH deliveries USING" in plan
        assert [row[3] for row in connection.execute(quarantine._CAME_IN)] == ["bad.csv"]
    assert [line["file_name"] for line in listed_quarantine(tmp_path)] == ["bad.csv"]


def test_a_person_confirms_a_date_that_seemed_mistyped_and_the_result_is_used(
    site: Path, clock: Callable[[datetime], None]
) -> None:
    drop(site, RESULTS, [OLD, BAD])
    nightly(site, as_of=day(5))
    drop(site, RESULTS, [OLD, BAD, result("SYNTHETIC-1", 4, 700)], name="two.csv")
    nightly(site, as_of=day(6))
    held, unreadable = sorted(listed_quarantine(site), key=lambda line: line["line"])
    assert (held["reason"], held["times"]) == ("collected_long_before_report", 2)
    with pytest.raises(SiteError, match="unknown_text is no question"):
        release(site, unreadable["record"], why="I know what it is", actor="dr. A")
    found = release(site, held["record"], why="stored sample, typed afterwards", actor="dr. A")
    assert found.reasons["collected_long_before_report"] == OfReason(brought_right=1)
    assert [line["reason"] for line in listed_quarantine(site)] == ["unknown_text"]
    assert rows(site, "SELECT COUNT(*) FROM viral_load_results WHERE viral_load_iu_per_ml = 20000") == [(1,)]
    said = next(one for one in answered(site) if one["answer"] == "released")
    assert (said["actor"], said["why"]) == ("dr. A", "stored sample, typed afterwards")
    with pytest.raises(SiteError, match="in use since"):
        reopen(site, said["record"], why="no", actor="dr. B")
    with pytest.raises(SiteError, match="answered already: released") as again:
        release(site, held["record"], why="once more", actor="dr. B")
    assert ("in use since" in str(again.value), "reopen" in str(again.value)) == (True, False)
    drop(site, RESULTS, [OLD, BAD, result("SYNTHETIC-1", 5, 600)], name="three.csv")
    clock(day(11))
    with open_site(site) as opened:
        last = take_in_drop(opened, received_at=day(11)).counted[-1]
    assert last.duplicates + last.accepted + last.quarantined == 3
    assert "collected_long_before_report" not in last.reasons


def test_a_release_after_which_judging_failed_is_taken_back_and_what_is_in_use_is_not(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    drop(tmp_path, RESULTS, [OLD, BAD])
    nightly(tmp_path, as_of=day(5))
    held_one = next(line for line in listed_quarantine(tmp_path) if line["reason"] == "collected_long_before_report")
    (tmp_path / "labs").mkdir(exist_ok=True)
    broken = tmp_path / "labs" / "synthetic.toml"
    before = broken.read_bytes() if broken.exists() else None
    broken.write_text("laboratory = ", encoding="utf-8")
    clock(day(6))
    failed = release(tmp_path, held_one["record"], why="stored sample", actor="dr. A")
    assert failed.reasons["collected_long_before_report"] == OfReason(stay=1)
    (said,) = answered(tmp_path)
    clock(day(7))
    reopen(tmp_path, said["record"], why="a mistake", actor="dr. B")
    assert answered(tmp_path) == []
    broken.unlink() if before is None else broken.write_bytes(before)
    clock(day(8))
    retry(tmp_path)
    assert rows(tmp_path, "SELECT COUNT(*) FROM viral_load_results WHERE viral_load_iu_per_ml = 20000") == [(0,)]
    clock(day(9))
    release(tmp_path, held_one["record"], why="it is right", actor="dr. A")
    with pytest.raises(SiteError, match="in use since"):
        reopen(tmp_path, answered(tmp_path)[0]["record"], why="no", actor="dr. B")


def test_what_persons_said_and_what_was_judged_again_is_rebuilt(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    drop(old, RESULTS, [OLD, BAD, result("SYNTHETIC-1", 4, 700)])
    nightly(old, as_of=day(5))
    held, unreadable = sorted(listed_quarantine(old), key=lambda line: line["line"])
    release(old, held["record"], why="stored sample", actor="dr. A")
    answer_quarantine(old, unreadable["record"], answer="rejected", why="no result", actor="dr. A")
    done = rebuild(old, new)
    assert (done.faults, done.answers) == ((), 2)
    assert all(one.is_equal for one in done.tables)
    assert listed_quarantine(new) == []
    assert counted_apart(new) == counted_apart(old) == {"rejected": 1, "released": 1}


def poisoned(monkeypatch: pytest.MonkeyPatch, how: Callable[[], None]) -> list[int]:
    """Judging a delivery that holds POISON does that; gives a list that grows with each judging of one."""
    judged, tried = landed_delivery.ingest, list[int]()

    def ingest(data: bytes, **given: Any) -> Any:
        if b"POISON" in data:
            tried.append(1)
            how()
        return judged(data, **given)

    monkeypatch.setattr(landed_delivery, "ingest", ingest)
    return tried


def fails() -> None:
    raise ZeroDivisionError("POISON")


def test_a_file_whose_judging_fails_is_tried_three_times_and_stands_on_the_list_until_it_is_named(
    tmp_path: Path, clock: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path, RESULTS, [result("POISON-1", 1, 20_000)], name="bad.csv")
    drop(tmp_path, RESULTS, [result("SYNTHETIC-2", 1, 20_000)], name="good.csv")
    with monkeypatch.context() as broken:
        tried = poisoned(broken, fails)
        for n in range(6):
            night = nightly(tmp_path, as_of=day(3 + n))
        assert len(tried) == 3
        (fault,) = night.taken_in.faults
        assert "ended 3 times in an error of cmvmon" in fault.message
        assert "POISON" not in fault.message
        assert rows(tmp_path, "SELECT patient_id FROM viral_load_results") == [("SYNTHETIC-2",)]
        (line,) = listed_quarantine(tmp_path)
        assert (line["reason"], line["file_name"]) == (STANDS, "bad.csv")
        assert retry(tmp_path).standing == (line["record"],)
        assert len(tried) == 3, "unnamed, it stands"
        clock(day(11))
        assert len(retry(tmp_path, line["record"]).faults) == 1
        assert len(tried) == 4
        assert [row["record"] for row in listed_quarantine(tmp_path)] == [line["record"]], "it failed, and stands again"
    clock(day(12))
    found = retry(tmp_path, line["record"])
    assert [one.accepted for one in found.counted] == [1]
    assert (listed_quarantine(tmp_path), found.standing) == ([], ())


def _raises(error: Exception) -> Callable[[], None]:
    def how() -> None:
        raise error

    return how


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), OSError(errno.EMFILE, "x"), MemoryError()])
def test_an_error_of_the_machine_takes_no_try_from_a_delivery(error: Exception, before: int, tmp_path: Path) -> None:
    """As often as it comes, also after errors of ours."""
    drop(tmp_path, RESULTS, [result("POISON-1", 1, 20_000)], name="a.csv")
    for n in range(before + 4):
        with pytest.MonkeyPatch.context() as broken:
            tried = poisoned(broken, fails if n < before else _raises(error))
            nightly(tmp_path, as_of=day(3 + n))
            assert tried
    nightly(tmp_path, as_of=day(20))
    assert rows(tmp_path, "SELECT patient_id FROM viral_load_results") == [("POISON-1",)]
    assert (listed_quarantine(tmp_path), list(tmp_path.glob("landing/**/*.tries"))) == ([], [])


def test_an_error_that_a_library_calls_one_of_the_system_counts(tmp_path: Path) -> None:
    drop(tmp_path, RESULTS, [result("POISON-1", 1, 20_000)], name="a.csv")
    with pytest.MonkeyPatch.context() as broken:
        tried = poisoned(broken, _raises(OSError("no footer")))
        for n in range(5):
            nightly(tmp_path, as_of=day(3 + n))
    assert len(tried) == 3


def _night(root: Path, number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        poisoned(patch, lambda: os.kill(os.getpid(), signal.SIGKILL))
        nightly(root, as_of=day(3 + number))


def test_a_message_at_which_the_process_dies_stands_after_three_tries_and_the_others_are_taken_in(
    tmp_path: Path,
) -> None:
    come(tmp_path, message("1"), message("2", number="POISON"), message("3"), message("4"))
    spawned = multiprocessing.get_context("spawn")
    ended = []
    for number in range(8):
        night = spawned.Process(target=_night, args=(tmp_path, 100 + number))
        night.start()
        night.join(timeout=120)
        ended.append(night.exitcode)
    assert ended == [-signal.SIGKILL] * 5 + [0] * 3, "whole, half of it, and three times alone"
    taken = [number for (number,) in rows(tmp_path, "SELECT accession_number FROM viral_load_results ORDER BY 1")]
    assert taken == ["F1", "F3", "F4"]
    assert [line["reason"] for line in listed_quarantine(tmp_path)] == [STANDS]


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, SystemExit])
def test_who_stops_the_work_by_hand_takes_no_try_from_a_delivery(
    tmp_path: Path, clock: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch, stopped: type[BaseException]
) -> None:
    def stops() -> None:
        raise stopped

    drop(tmp_path, RESULTS, [result("POISON-1", 1, 20_000)])
    with monkeypatch.context() as broken:
        tried = poisoned(broken, stops)
        for n in range(5):
            with pytest.raises(stopped):
                nightly(tmp_path, as_of=day(3 + n))
        assert len(tried) == 5
    assert nightly(tmp_path, as_of=day(9)).taken_in.faults == ()


def test_the_commands_say_it_in_words_and_for_a_machine(waiting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        app(["quarantine", *words, "--site", str(waiting)], standalone_mode=False)
        return capsys.readouterr().out

    record = json.loads(run("list", "--json"))[0]["record"]
    assert "aa. 999" in run("list")
    assert "no laboratory or table file of it has changed" in run("retry")
    assert json.loads(run("retry", "--json"))["reasons"] == {"unknown_text": {"brought_right": 0, "stay": 1, "now": {}}}
    assert "1 record(s) rejected" in run("reject", record, "--why", "no result", "--by", "dr. A")
    assert run("list").splitlines() == [
        "nothing in quarantine",
        "answered by persons and kept apart: 1 rejected (`quarantine list --answered`)",
    ]
    assert json.loads(run("list", "--json")) == []
    assert "nothing in quarantine" in run("retry")


@pytest.mark.parametrize(("text", "code"), [("not = [toml", 4), (None, 2)])
def test_judging_again_ends_as_taking_in_does_where_the_laboratory_file_is_broken_or_gone(
    tmp_path: Path,
    clock: Callable[[datetime], None],
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    code: int,
) -> None:
    from tests.sites import laboratories

    laboratories(tmp_path, "second")
    drop(tmp_path, RESULTS, [BAD], feed="second")
    clock(day(5))
    nightly(tmp_path, as_of=day(5))
    file = tmp_path / "labs" / "second.toml"
    good = file.read_text("utf-8")
    file.unlink() if text is None else file.write_text(text, "utf-8")
    for more in ((), ("--json",)):
        with pytest.raises(SystemExit) as ended:
            app(["quarantine", "retry", *more, "--site", str(tmp_path)])
        assert (ended.value.code, "second" in capsys.readouterr().out) == (code, True)
    file.write_text(good, "utf-8")
    capsys.readouterr()
    app(["quarantine", "retry", "--site", str(tmp_path)], standalone_mode=False)


def test_the_remedies_name_a_day_that_does_not_exist_another_authority_and_the_command_that_confirms_a_date() -> None:
    says = RECORD_REASONS
    assert "names a day or an hour that does not exist" in says["malformed_time"]
    assert "the authority that is declared" in says["missing_patient_id"]
    assert "cmvmon quarantine release" in says["collected_long_before_report"]


def test_a_message_is_shown_with_the_names_of_its_segments_and_without_its_patient(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    clock(day(90))
    laboratory(tmp_path, "example_hl7", without=('"[IU]/mL" =', '"IU/mL" ='))
    as_hl7(tmp_path)
    (line,) = listed_quarantine(tmp_path)
    shown = quarantined_record(tmp_path, line["record"])["delivered_text"]
    assert {"OBR", "OBX", "PID-3"} <= set(shown)
    assert "SYNTH" not in json.dumps(shown)


def test_a_course_that_can_not_be_read_is_shown_with_the_names_of_its_columns(
    tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    drop(tmp_path, "antiviral_courses", [course("SYNTHETIC-1", start=3, stop=2)])
    nightly(tmp_path, as_of=day(5))
    (line,) = listed_quarantine(tmp_path)
    shown = quarantined_record(tmp_path, line["record"])["delivered_text"]
    assert (shown["patient_id"], shown["drug"]) == ("aaaaaaaaa-9", "aaaaaaaaaaa")


def test_a_feed_that_is_not_known_is_told_and_no_empty_list(tmp_path: Path) -> None:
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 1, 20_000)])
    nightly(tmp_path, as_of=day(5))
    (tmp_path / "labs").mkdir(exist_ok=True)
    (tmp_path / "labs" / "to_come.toml").write_text("", encoding="utf-8")
    refuse_unknown_feed(tmp_path, "synthetic")
    refuse_unknown_feed(tmp_path, "to_come")
    with pytest.raises(SiteError, match=r"--feed 'nobody': nothing ever came .* known are synthetic, to_come"):
        refuse_unknown_feed(tmp_path, "nobody")
    ran = CliRunner().invoke(app, ["quarantine", "list", "--feed", "nobody", "--site", str(tmp_path)])
    assert ran.exit_code != 0
    assert "nothing in quarantine" not in ran.output
