"""The cache of compiled kernels: a changed kernel, or a changed constant, is compiled again wherever it is called."""

from __future__ import annotations

from types import FunctionType

import numba
import numpy as np
import pytest

from cmvmon.kinetics.bank.update import begin
from cmvmon.kinetics.numerics.compiling import borrowing, compiled, fingerprint, is_kept


def with_names(function: FunctionType, **names: object) -> FunctionType:
    """The function with other values for the names that it reads."""
    return FunctionType(function.__code__, {**function.__globals__, **names})


def half(x: float) -> float:
    return x / 2.0


def third(x: float) -> float:
    return x / 3.0


def outer(x: float) -> float:
    return inner(x) + OFFSET  # noqa: F821  (given by `with_names`)


def test_the_mark_of_a_kernel_covers_the_kernels_and_constants_that_it_names():
    calls_half = with_names(outer, inner=numba.njit(half), OFFSET=1.0)
    assert fingerprint(calls_half) == fingerprint(with_names(outer, inner=numba.njit(half), OFFSET=1.0))
    assert fingerprint(calls_half) != fingerprint(with_names(outer, inner=numba.njit(third), OFFSET=1.0))
    assert fingerprint(calls_half) != fingerprint(with_names(outer, inner=numba.njit(half), OFFSET=2.0))
    marks = {fingerprint(with_names(outer, inner=numba.njit(half), OFFSET=np.uint64(offset))) for offset in (16, 32)}
    assert len(marks) == 2


def test_a_kernel_whose_cache_has_no_place_is_compiled_all_the_same_and_told_from_one_that_is_kept():
    """Code without a file, as under an unwritable installation, gives numba nowhere to cache."""
    names: dict[str, object] = {}
    exec(compile("def double(x):\n    return 2.0 * x\n", "<no file>", "exec"), names)
    loose = compiled(names["double"])  # type: ignore[type-var]
    assert loose(4.0) == 8.0  # type: ignore[operator]
    assert not is_kept(loose)  # type: ignore[arg-type]
    assert is_kept(begin)


def first_half(x: np.ndarray) -> np.ndarray:
    return x[: len(x) // 2]


def room_of_its_own(x: np.ndarray) -> float:
    room = np.empty(len(x))
    room[:] = x
    return float(room.sum())


def test_a_kernel_that_counts_nobody_who_holds_an_array_may_neither_return_one_nor_make_one():
    with pytest.raises(TypeError, match="first_half returns more than numbers"):
        borrowing(first_half)
    with pytest.raises(numba.errors.NumbaError, match=r"room = np\.empty"):
        borrowing(room_of_its_own)(np.ones(4))
    assert compiled(room_of_its_own)(np.ones(4)) == 4.0
