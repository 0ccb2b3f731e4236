"""Great Expectations, imported when first asked for, with its telemetry and progress bars off."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation


def great_expectations() -> ModuleType:
    """The library. Its telemetry is switched off first, by the environment variable that it documents."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _as_if_not_installed("pyspark"):
        import great_expectations as gx
        import great_expectations.expectations.conditions

    return gx


@contextmanager
def _as_if_not_installed(module: str) -> Iterator[None]:
    """It imports what it may use, and the gate holds pandas tables alone. PySpark's client costs time, and ends `python -c`."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


@cache
def _whole_table() -> BatchDefinition[Any]:
    """What a table is put to Great Expectations as; made once in a process. The context lives in memory, and touches no disk."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # Without this it makes and removes a temporary folder for documentation that nobody reads, and logs its path.
    in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=in_memory))
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("cmvmon").add_dataframe_asset("table")
    whole: BatchDefinition[Any] = asset.add_batch_definition_whole_dataframe("whole")
    return whole


def loaded(batch: pd.DataFrame) -> Batch:
    """`batch` as Great Expectations holds it."""
    held: Batch = _whole_table().get_batch({"dataframe": batch})
    return held


def validate(batch: pd.DataFrame, asked: list[Expectation]) -> ExpectationSuiteValidationResult:
    """What Great Expectations says of `batch`: for each expectation true or false.

    BOOLEAN_ONLY keeps counts, values and row numbers out of the result.
    """
    suite = great_expectations().ExpectationSuite(name="contract", expectations=asked)
    result: ExpectationSuiteValidationResult = loaded(batch).validate(suite, result_format="BOOLEAN_ONLY")
    return result
