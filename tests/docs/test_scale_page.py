"""The plan of docs/scale.md: each figure is one of benchmarks/engines.md, or follows from one by the arithmetic that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.counted import counted, table
from benchmarks.made_tables import RESULTS_EACH
from cmvmon.workbench.batch import MOST_RESULTS
from cmvmon.workbench.engines.moved_rows import RESULTS_PER_BATCH

ROOT = Path(__file__).parents[2]
SCALE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
MEASURED = (ROOT / "benchmarks" / "engines.md").read_text(encoding="utf-8")
BILLION = 1_000_000_000
PLAN = {
    cells[0]: (cells[1], cells[2])
    for row in re.findall(r"^\|.+\|$", SCALE.partition("## A plan for")[2], re.M)
    if len(cells := [cell.strip() for cell in row.strip("|").split("|")]) == 3
}


def run(command: str) -> list[dict[str, str]]:
    """The rows of the table under that command in engines.md."""
    (after,) = (part for part in MEASURED.split(f"\n`python -m benchmarks {command}`")[1:])
    lines = re.findall(r"(?:^\|.+\|\n)+", after, re.M)[0].splitlines()
    header, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line)
    return [dict(zip(header, row, strict=True)) for row in rows]


def of(rows: list[dict[str, str]], engine: str, parts: str) -> dict[str, float]:
    (found,) = (row for row in rows if (row["engine"], row["parts"]) == (engine, parts))
    return {name: float(cell) for name, cell in found.items() if re.fullmatch(r"[\d.]+", cell)}


SAIL = run("engines --series 100000 --partitions 2 16")
SPARK = run("engines --series 100000 --remote spark")
LARGE = run("engines --series 1000000 --partitions 2 --remote spark")
EACH = "CPU, s per million results"


def said(row: str, *figures: str) -> bool:
    """Whether the row of the plan holds each of these figures, as a number of its own."""
    text = " ".join(PLAN[row])
    return all(re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|[.,]\d)", text) for figure in figures)


def rounded(number: float, digits: int = 0) -> str:
    return f"{number:,.{digits}f}"


def test_computing_is_what_was_measured_of_each_engine() -> None:
    sail, spark, none = of(SAIL, "Sail", "16"), of(LARGE, "Spark", "2"), of(LARGE, "none", "")
    hours = {name: one[EACH] * 1000 / 3600 for name, one in (("sail", sail), ("spark", spark), ("none", none))}
    assert said("computing", rounded(sail[EACH]), rounded(hours["sail"], 1), rounded(sail["CPU, s"], 1))
    assert said("the same on Spark", rounded(spark[EACH]), rounded(hours["spark"]), rounded(spark["CPU, s"]))
    judging = none[EACH]
    assert abs(judging - 29) < 1
    assert said("of which the judging itself", "29", rounded(hours["none"], 1), rounded(none["CPU, s"]))
    minutes = {name: round(hours[name] * 60 / 64) for name in ("sail", "spark")}
    assert said("on 64 cores", *map(str, minutes.values()))
    lost = [one[EACH] * RESULTS_PER_BATCH / 1e6 for one in (sail, spark)]
    assert said("a lost worker", rounded(lost[0]), rounded(lost[1]), rounded(sail[EACH]), rounded(spark[EACH]))


def test_memory_of_a_worker_is_one_figure_wherever_it_stands() -> None:
    peaks = [
        max(of(rows, "Spark", n)["of a worker"] for n in parts)
        for rows, parts in ((SPARK, ("2", "16")), (LARGE, ("2",)))
    ]
    alone = of(SAIL, "none", "")["peak of the process, MiB"]
    assert said("memory of a worker", *(rounded(mib) for mib in (*peaks, alone)))
    gib = f"{max(peaks) / 1024:.1f}"
    assert set(re.findall(r"(\d\.\d) GiB", SCALE)) == {gib}
    assert set(re.findall(r"(\d\.\d) GiB", MEASURED)) == {gib}
    assert PLAN["memory of a worker"][0] == f"{gib} GiB for each core"


def test_bytes_are_those_that_were_weighed() -> None:
    (line,) = re.findall(r"in bytes a result \(`--bytes`, same tables\): (.*?);", MEASURED.replace("\n", " "))
    weighed = {name.strip(" `"): int(n) for name, n in re.findall(r"([\w` ]+?) (\d+)(?:,|$)", line)}
    came, typed, judged = (weighed[name] for name in ("IN", "typed rows", "judged rows"))
    out = weighed["verdicts"] + weighed["weekly_decline"]
    assert said("IN", f"{came * BILLION / 1e9:.0f} GB", f"{came} bytes")
    assert said("typed rows, written once and read three times", f"{typed} GB", f"{3 * typed} GB", f"{typed} bytes")
    assert said("moved between workers", f"{typed} GB", f"{2 * typed} GB")
    assert said("judged rows, kept once", f"{judged} GB", f"{judged} bytes")
    assert said("OUT", f"{out} GB", str(weighed["weekly_decline"]), str(weighed["verdicts"]))


def test_rows_to_move_are_counted_again_and_are_those_of_both_pages() -> None:
    rows = run("counted")
    again = counted(1000)
    told = rows[0]
    assert table([1000]).splitlines()[-1] == f"| {' | '.join(told.values())} |"
    assert [row["rows a result"] for row in rows] == [f"{again.rows_a_result:.2f}"] * len(rows)
    made = (RESULTS_EACH + 1) / RESULTS_EACH
    assert said("parts", f"{again.rows_a_result:.1f}", f"{again.rows_a_result:.2f}", f"{made:.2f}")
    parts = round(again.rows_a_result, 1) * BILLION / RESULTS_PER_BATCH
    assert said("parts", rounded(parts), rounded(RESULTS_PER_BATCH))
    for row in rows:
        assert said("the driver", rounded(int(row["patients"])), row["rows to the driver"])


def test_limits_of_the_program_are_those_that_the_page_names() -> None:
    assert f"more than {MOST_RESULTS:,} results" in SCALE
    assert f"One part has to fit into one worker: {RESULTS_PER_BATCH:,} rows" in SCALE


def test_every_command_of_the_plan_has_its_table() -> None:
    named = set(re.findall(r"`python -m benchmarks ([^`]+)`", SCALE))
    assert named
    for command in named:
        assert run(command)


@pytest.mark.parametrize("figure", ["1.3", "43", "4", "9,000"])
def test_a_figure_that_is_part_of_another_is_not_taken_for_it(figure: str) -> None:
    row = "computing"
    assert said(row, "44", "12.3", "900,000")
    assert not said(row, figure)
