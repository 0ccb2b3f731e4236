"""Every example in a docstring is true, in every module of the package and of the language that the tests share."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cmvmon

MODULES = sorted(
    found.name for found in pkgutil.walk_packages(cmvmon.__path__, "cmvmon.") if ".migrations" not in found.name
)
OF_TESTS = ("tests.spec.reading", "tests.patients")


@pytest.mark.parametrize("name", [*MODULES, *OF_TESTS])
def test_the_examples_in_the_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found_in_several_rooms() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    rooms = {
        name.split(".")[1]
        for name in MODULES
        if any(test.examples for test in finder.find(importlib.import_module(name), name))
    }
    assert rooms >= {"feeds", "kinetics", "simulate", "text"}
