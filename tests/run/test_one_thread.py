"""What runs in one thread: polars hands no step of it to another thread; answers, errors and interrupts are the work's own."""

import contextvars
import resource
import signal
import threading

import polars as pl
import pytest

from cmvmon.domain.one_thread import in_one_thread
from cmvmon.run.daytime.feed import follow, lab_feeds
from cmvmon.run.daytime.refresh import refresh, refresh_unassessed
from cmvmon.run.judging.assessing import assess_site, assessed
from cmvmon.run.pages.publish import publish

_TABLE = pl.DataFrame({"load": [170.0, 10_000.0, 35.0], "compartment": ["plasma", "bal", "plasma"]})
_WORD: contextvars.ContextVar[str] = contextvars.ContextVar("word")


def _steps(n: int) -> int:
    """How often this thread gave way to wait for another one, over that many steps on a small table."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    for _ in range(n):
        _TABLE.filter(pl.col("load") > 100).group_by("compartment").agg(pl.col("load").max())
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before


def test_a_step_on_a_small_table_is_not_handed_to_another_thread() -> None:
    assert in_one_thread(_steps)(300) < 30


def test_without_it_such_steps_are_handed_over_else_there_would_be_nothing_to_win() -> None:
    found: list[int] = []
    fresh = threading.Thread(target=lambda: found.append(_steps(300)))  # one that never ran anything in one thread
    fresh.start()
    fresh.join(timeout=60)
    assert found[0] > 100


def test_the_answer_is_the_works_own_and_so_is_the_thread_with_its_context() -> None:
    _WORD.set("night")
    seen = in_one_thread(lambda a, *, b: (a, b, threading.get_ident(), _WORD.get()))(1, b=2)
    assert seen == (1, 2, threading.get_ident(), "night")
    assert in_one_thread(lambda: None)() is None


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, pl.exceptions.ColumnNotFoundError])
def test_an_error_is_the_works_own_and_the_next_work_goes_on(kind: type[BaseException]) -> None:
    raised = kind("P-1 is named by nobody")

    def fails() -> None:
        raise raised

    with pytest.raises(kind) as caught:
        in_one_thread(fails)()
    assert caught.value is raised
    assert in_one_thread(lambda: in_one_thread(lambda: _TABLE.filter(pl.col("load") > 100).height)())() == 2


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_while_the_work_goes_on(signal_sent: signal.Signals) -> None:
    class Asked(Exception):
        pass

    def answer(*_: object) -> None:
        raise Asked

    def waits() -> None:
        signal.raise_signal(signal_sent)
        threading.Event().wait(20)

    before = signal.signal(signal_sent, answer)
    try:
        with pytest.raises(Asked):
            in_one_thread(waits)()
    finally:
        signal.signal(signal_sent, before)
    assert in_one_thread(lambda: 1)() == 1


def test_several_threads_do_so_beside_each_other() -> None:
    found: dict[int, int] = {}

    def works(number: int) -> None:
        for _ in range(50):
            found[number] = in_one_thread(lambda: _TABLE.join(_TABLE, on="compartment").height)()

    threads = [threading.Thread(target=works, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == dict.fromkeys(range(6), 5)


@pytest.mark.parametrize("work", [lab_feeds, follow, refresh, refresh_unassessed, assess_site, assessed, publish])
def test_what_a_result_and_a_night_do_is_done_so(work: object) -> None:
    inner = getattr(work, "__wrapped__", None)
    assert inner is not None
    assert in_one_thread(inner).__code__ is work.__code__  # type: ignore[attr-defined]
