"""Ranges worked on side by side: answers in order, never more at once than was said, an error stops what was not begun."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cmvmon.workbench.ahead import ahead


@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_answers_come_in_order_whichever_is_done_first(n: int, at_once: int) -> None:
    done = [threading.Event() for _ in range(n + 1)]

    def work(place: int) -> int:
        if place % 2 == 0 and at_once > 1 and place + 1 < n:
            assert done[place + 1].wait(30)  # an even place is done after the odd one that follows it
        done[place].set()
        return place * place

    assert list(ahead(work, n, at_once=at_once)) == [place * place for place in range(n)]


def test_no_more_are_worked_on_at_once_than_was_said() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def work(place: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.01)
        with lock:
            now -= 1
        return place

    assert list(ahead(work, 12, at_once=2)) == list(range(12))
    assert most == 2


def test_an_error_is_raised_in_its_turn_and_what_was_not_begun_is_not() -> None:
    begun: list[int] = []

    def work(place: int) -> int:
        begun.append(place)
        if place == 1:
            raise ValueError("range 1 can't be judged")
        return place

    answers = ahead(work, 50, at_once=2)
    assert next(answers) == 0
    with pytest.raises(ValueError, match="range 1"):
        next(answers)
    assert max(begun) <= 3


def test_a_reader_who_stops_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    answers = ahead(lambda place: place, 50, at_once=2)
    assert next(answers) == 0
    answers.close()
    assert threading.active_count() == before


def test_it_may_be_used_beside_other_threads() -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda k: sum(ahead(lambda place: place + k, 9, at_once=2)), range(3)))
    assert found == [36, 45, 54]
