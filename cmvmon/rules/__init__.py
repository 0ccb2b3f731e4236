"""The rules: one file each, none knows another. A file here that defines `RULE` is a rule; a broken one stops the start."""

from __future__ import annotations

import importlib
import pkgutil

from cmvmon.rules.rule import Rule, verdicts_of
from cmvmon.rules.subjects import subjects

__all__ = ["Rule", "all_rules", "needed_numbers", "subjects", "verdicts_of"]


def all_rules() -> tuple[Rule, ...]:
    """Every rule in this folder, by code."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted((m.RULE for m in modules if hasattr(m, "RULE")), key=lambda rule: rule.code))


def needed_numbers() -> dict[str, frozenset[str]]:
    """The numbers that the protocol must hold, by rule code."""
    return {rule.code: rule.needs for rule in all_rules()}
