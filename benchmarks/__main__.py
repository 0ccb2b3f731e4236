"""`python -m benchmarks [speed|exactness|bank|quality|alerts|unit_year|real|mutants|all] ...`: each prints its tables of figures."""

import importlib
import sys

MODULES = {
    "analyze": "benchmarks.analyze",
    "board": "benchmarks.board",
    "feed": "benchmarks.feed",
    "live": "benchmarks.live",
    "night": "benchmarks.night",
    "histories": "benchmarks.histories",
    "order": "benchmarks.order",
    "settling": "benchmarks.settling",
    "settling_in_store": "benchmarks.settling_in_store",
    "pages": "benchmarks.pages",
    "speed": "benchmarks.speed",
    "engines": "benchmarks.engines",
    "counted": "benchmarks.counted",
    "exactness": "benchmarks.exactness",
    "bank": "benchmarks.bank_exactness",
    "quality": "benchmarks.quality",
    "alerts": "benchmarks.alerts",
    "unit_year": "benchmarks.unit_year",
    "real": "benchmarks.real_series",
    "mutants": "benchmarks.mutants",
}


def main(arguments: list[str]) -> int:
    """Runs one table, or all of them with their defaults; the exit code is the worst of theirs."""
    name, *rest = arguments or ["speed"]
    if name.startswith("-"):
        name, rest = "speed", arguments
    if name != "all" and name not in MODULES:
        print(f"{name} is no table; name one of {', '.join(MODULES)}, or all", file=sys.stderr)
        return 2
    chosen = [table for table in MODULES if table != "mutants"] if name == "all" else [name]
    return max(int(importlib.import_module(MODULES[table]).main(rest)) for table in chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
