"""A stored delivery calls for a lab feed: on a server and runner that `cmvmon serve` starts, with real messages in a real inbox."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from cmvmon.run.daytime.calling import WAITS_AT_MOST_S, Calls
from cmvmon.run.daytime.watching import Watch
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly as plain_nightly
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.store.session import now
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.hl7_texts import message, order
from tests.flows.serving import Served, is_there, wait
from tests.listen.listening import result
from tests.run.test_inbox_taking import come
from tests.sites import rows

N_RESULTS, A_FEW = 500, 4
COUNT = "SELECT count(*) FROM viral_load_results WHERE feed = 'example_hl7'"
UNASSESSED = "SELECT delivery_id FROM unassessed_deliveries"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site whose night was there: nothing is to be made up."""
    sites.ward_of_three(tmp_path)
    plain_nightly(tmp_path)
    return tmp_path


def of(patient: int, number: str) -> bytes:
    """A message with one result of a made-up patient."""
    return "".join(
        f"{each}\r" for each in message(*order(number=f"F{number}"), patient=f"SYNTH-{patient}", control=number)
    ).encode()


def runs(site: Path, flow: str) -> list[str]:
    """The states of the runs of that flow that began, as Prefect's own database holds them."""
    file = site / ".prefect" / "prefect.db"
    query = (
        "SELECT r.state_type FROM flow_run r JOIN flow f ON f.id = r.flow_id "
        "WHERE f.name = ? AND r.state_type != 'SCHEDULED' ORDER BY r.created"
    )
    return [state for (state,) in _asked(file, query, flow)]


def task_states(site: Path) -> set[str]:
    return {name for (name,) in _asked(site / ".prefect" / "prefect.db", "SELECT name FROM task_run_state")}


def _asked(file: Path, query: str, *parameters: str) -> list[tuple[str]]:
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as connection:
        try:
            return connection.execute(query, parameters).fetchall()
        except sqlite3.OperationalError:
            return []  # its tables are still being made


@contextmanager
def kept_busy(file: Path) -> Iterator[None]:
    """Another program writes into that database for as long as this holds."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def one(served: Served, path: str, body: object, *, limit_s: float = 120) -> object:
    """What Prefect answers once it can be asked, as its children ask it."""
    password = served.environment("cmvmon.flows.runner")["PREFECT_API_AUTH_STRING"]
    found: list[object] = []

    def asked() -> bool:
        found[:] = [served.ask(path, body, password=password)]
        return isinstance(found[0], list | dict) and bool(found[0])

    wait(asked, limit_s)
    return found[0]


def deployment(served: Served, name: str) -> str:
    (found,) = one(served, "/deployments/filter", {"deployments": {"name": {"any_": [name]}}})  # type: ignore[misc]
    return str(found["id"])


def test_a_burst_makes_few_runs_a_failure_is_tried_again_and_the_night_has_its_schedule(
    site: Path, served: list[Served]
) -> None:
    first = Served(site)
    served.append(first)
    first.line("serving")
    for start in range(0, N_RESULTS, 25):  # as they come from a line, while the look is at work
        come(site, *(of(n % 40, str(n)) for n in range(start, start + 25)))
        time.sleep(0.1)
    first.line("lab feed as of ", 400)
    wait(lambda: rows(site, COUNT) == [(N_RESULTS,)] and not rows(site, UNASSESSED), 400)
    wait(lambda: set(runs(site, "lab-feed")) == {"COMPLETED"}, 120)
    assert 1 <= len(runs(site, "lab-feed")) <= A_FEW
    judged = rows(site, "SELECT DISTINCT patient_id FROM assessed_patients WHERE patient_id LIKE 'SYNTH-%'")
    assert len(judged) == 40

    come(site, of(1, "AGAIN"))
    wait(lambda: rows(site, UNASSESSED), 120)
    with kept_busy(site / "cmvmon.sqlite"):
        wait(lambda: "AwaitingRetry" in task_states(site), 400)
    assert "1 deliveries, " in first.line("lab feed as of ", 400)
    wait(lambda: set(runs(site, "lab-feed")) == {"COMPLETED"}, 120)

    night = deployment(first, "nightly")
    scheduled = {"flow_runs": {"deployment_id": {"any_": [night]}, "state": {"type": {"any_": ["SCHEDULED"]}}}}
    assert one(first, "/flow_runs/filter", scheduled)
    assert one(first, f"/deployments/{night}/create_flow_run", {})
    assert "0 new deliveries" in first.line("night as of ", 400)
    code, _ = first.stop(signal.SIGTERM)
    assert code == 0
    assert "NOT DONE" not in "\n".join(first.said)


def test_of_runs_that_are_asked_for_at_once_one_works_and_a_serve_that_is_killed_meanwhile_resumes(
    site: Path, served: list[Served]
) -> None:
    """Without Prefect, its database kept or gone, whatever comes is taken in and judged; started again, it goes on."""
    first = Served(site)
    served.append(first)
    first.line("serving")
    feed = deployment(first, "lab-feed")
    n_before = len(rows(site, "SELECT * FROM assessments"))
    come(site, result("ONE"))
    wait(lambda: rows(site, UNASSESSED), 120)
    with only_run(site / ".nightly.lock", wait_s=30):
        (stored,) = rows(site, UNASSESSED)
        for _ in range(2):  # beside the one that the event calls for
            one(first, f"/deployments/{feed}/create_flow_run", {"parameters": {"delivery_id": stored[0]}})
        wait(lambda: runs(site, "lab-feed").count("RUNNING") == 3, 240)
    said = [first.line("lab feed", 240) for _ in range(3)]
    assert sum("another run took it along" in line for line in said) == 2
    assert len(rows(site, "SELECT * FROM assessments")) == n_before + 1
    wait(lambda: set(runs(site, "lab-feed")) == {"COMPLETED"}, 120)  # or one of these is taken for the next

    come(site, result("TWO"))
    wait(lambda: rows(site, UNASSESSED), 120)
    with only_run(site / ".nightly.lock", wait_s=30):
        wait(lambda: "RUNNING" in runs(site, "lab-feed"), 240)
        children = first.children()
        first.process.kill()
        wait(lambda: not any(map(is_there, children.values())), 10)
    assert "RUNNING" in runs(site, "lab-feed")  # nobody could say that it had ended

    with kept_busy(site / ".prefect" / "prefect.db"):
        come(site, result("THREE"))
        look = Watch(site).look()
        assert look is not None
        assert look.assessed is not None
        assert look.published is not None
        assert not rows(site, UNASSESSED)
        plain_nightly(site)
    shutil.copytree(site / ".prefect", kept := site.parent / "prefect")
    shutil.rmtree(site / ".prefect")
    come(site, result("FOUR"))
    plain_nightly(site)
    assert rows(site, COUNT) == [(4,)]
    kept.rename(site / ".prefect")

    late = sites.drop(site, "viral_load_results", sites.falling("SYNTHETIC-LATE", 0.1), name="late.csv")
    with open_site(site) as opened:  # taken in, and nobody is judged
        take_in_file(opened, late, feed="synthetic", table="viral_load_results", received_at=now())
    late.unlink()
    second = Served(site)
    served.append(second)
    assert "1 deliveries, 1 patients" in second.line("lab feed as of ", 400)
    wait(lambda: not {"RUNNING", "PENDING"} & set(runs(site, "lab-feed")), 120)
    assert "CRASHED" in runs(site, "lab-feed")
    assert second.stop(signal.SIGTERM)[0] == 0


def test_what_comes_while_a_call_is_out_is_called_for_once_that_is_done() -> None:
    calls = Calls()
    assert calls.due(["a"], 0.0) is None
    assert calls.due(["a"], 1.0) == "a"
    calls.made(["a"], 1.0)
    assert [calls.due(["a", "b"], at) for at in (1.5, 30.0)] == [None, None]
    assert calls.due(["b"], 31.0) == "b"


def test_a_burst_that_does_not_end_is_called_for_all_the_same() -> None:
    calls, waiting, at = Calls(), [], 0.0
    while calls.due(waiting, at) is None:
        waiting.append(str(at))
        at += 0.5
        assert at <= WAITS_AT_MOST_S + 1


def test_a_call_that_was_lost_is_made_again_less_and_less_often() -> None:
    calls, made = Calls(), []
    for at in range(24 * 3600):
        if calls.due(["a"], float(at)):
            calls.made(["a"], float(at))
            made.append(at)
    gaps = [later - before for before, later in pairwise(made)]
    assert gaps[:4] == [120, 240, 480, 960]
    assert set(gaps[4:]) == {1800}
