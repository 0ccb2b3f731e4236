"""What is made of a frame is made once for as long as it lives, and once for each thing that it is made with."""

from __future__ import annotations

import gc

import polars as pl

from cmvmon.dashboards.rows import once_a_frame


def test_it_is_made_once_for_a_frame_and_what_it_is_made_with() -> None:
    asked: list[tuple[int, int, str]] = []

    @once_a_frame
    def made(frame: pl.DataFrame, n: int, *, name: str = "a") -> int:
        asked.append((frame.height, n, name))
        return frame.height * n

    one, two = pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [1, 2]})
    assert [made(one, 3), made(one, 3), made(one, 4), made(two, 3), made(one, 3, name="b"), made(two, 3)] == [
        3,
        3,
        4,
        6,
        3,
        6,
    ]
    assert asked == [(1, 3, "a"), (1, 4, "a"), (2, 3, "a"), (1, 3, "b")]


def test_another_frame_never_gets_what_was_made_of_one_that_is_gone() -> None:
    made = once_a_frame(lambda frame: frame["x"].to_list())
    for n in range(200):
        frame = pl.DataFrame({"x": [n]})
        assert made(frame) == [n]
        del frame
        if n % 50 == 0:
            gc.collect()
