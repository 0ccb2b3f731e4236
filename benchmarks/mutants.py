"""Mutation testing of what judges and stores: one small change at a time, and does a fast test notice?

`python -m benchmarks mutants [--minutes 20] [--workers 1] [--only rules/suppressed ...] [--sample 80] [--near] [--patience 12]
[--again]` tries every mutant of ROOMS that has no answer yet, or of a fair sample of what `--only` names, and writes
benchmarks/mutants.md. With `--minutes 0` it only writes.
Answers are kept by the text of the mutated file in benchmarks/out/mutants.jsonl, so a run that was stopped goes on where it
was. With `--patience 12` a mutant gets so many CPU seconds of tests, the likeliest to notice it first; with `--near` only the
tests of its own room. Either can only make a killed mutant look like a survivor; `--again` tries the survivors once more.
No file of the project is changed: a worker hands Python the changed source when the module is imported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.equivalent import EQUIVALENT
from benchmarks.mutant_tests import SLOW_TOO, TESTS, near_to
from benchmarks.mutating import Mutant, mutants_of

ROOT = Path(__file__).parents[1]
ROOMS = (
    "cmvmon/rules/*.py",
    "cmvmon/facts/*.py",
    "cmvmon/episodes.py",
    "cmvmon/answers.py",
    "cmvmon/ends.py",
    "cmvmon/assess.py",
    "cmvmon/shell/*/*.py",
    "data_contracts/*.py",
)
ANSWERS = ROOT / "benchmarks" / "out" / "mutants.jsonl"
REPORT = ROOT / "benchmarks" / "mutants.md"
LIMIT_SECONDS = 400.0  # of CPU: a mutant that keeps the tests busy for longer is killed: the suite would not end
LIMIT_WAITING_SECONDS = 7200.0  # by the clock: of one that waits for ever; a busy machine may make a mutant wait long
SEED = 7  # of a sample, where none is given
KILLERS = 12  # how many of the tests that killed a mutant of the same file before are run first

KILLED, SURVIVED, EXPLAINED, OPEN = "killed", "survived", "equivalent", "not tried"


@dataclass(frozen=True)
class Answer:
    """`by`: the test that failed, or why else it is killed; empty where it survived."""

    answer: str
    by: str = ""


def main(arguments: Sequence[str]) -> int:
    """Tries what has no answer yet, within the minutes given; writes the table; 0 when at least 90 % are killed."""
    given = _arguments(arguments)
    wanted = [mutant for mutant in every_mutant() if any(part in mutant.file for part in given.only)]
    answers = read_answers()
    drawn = random.Random(given.seed).sample(wanted, min(given.sample or len(wanted), len(wanted)))
    # A run that is cut short is a fair sample, too. From the end: survivors first, equivalents last.
    open_ones = [mutant for mutant in drawn if given.minutes and _is_open(mutant, answers, again=given.again)]
    open_ones.sort(key=lambda mutant: (not reason_of(mutant), standing(mutant, answers) == SURVIVED))
    _try_all(open_ones, answers, workers=given.workers, minutes=given.minutes, patience=given.patience, near=given.near)
    text = report(wanted, answers)
    print(text)
    if given.only == [""]:
        REPORT.write_text(text, encoding="utf-8")
    counted = Counter(standing(mutant, answers) for mutant in wanted)
    tried = counted[KILLED] + counted[SURVIVED]
    return 0 if tried and counted[SURVIVED] <= 0.1 * tried else 1


def every_mutant() -> list[Mutant]:
    """Every mutant of the rooms, in the order of the files. Rooms that do not exist have none."""
    files = sorted({path for pattern in ROOMS for path in ROOT.glob(pattern)})
    return [
        mutant
        for path in files
        for mutant in mutants_of(path.read_text(encoding="utf-8"), file=str(path.relative_to(ROOT)))
    ]


def key(mutant: Mutant) -> str:
    """Under which a mutant's answer is kept: its file and the whole changed text."""
    return hashlib.sha256(f"{mutant.file}\n{mutant.text}".encode()).hexdigest()[:24]


def standing(mutant: Mutant, answers: Mapping[str, Answer]) -> str:
    """KILLED, SURVIVED, EXPLAINED (it survived, and the table of equivalents says why) or OPEN (no answer yet)."""
    if key(mutant) not in answers:
        return OPEN
    found = answers[key(mutant)].answer
    return EXPLAINED if found == SURVIVED and reason_of(mutant) else found


def reason_of(mutant: Mutant) -> str:
    """Why no test can tell it from what is written, from the table of equivalents; empty where it is not there."""
    return next((why.reason for why in EQUIVALENT if why.is_about(mutant)), "")


def report(wanted: Iterable[Mutant], answers: Mapping[str, Answer]) -> str:
    """The table by file, every survivor with its place, and every equivalent with its reason."""
    by_file: dict[str, list[Mutant]] = {}
    for mutant in wanted:
        by_file.setdefault(mutant.file, []).append(mutant)
    rows = {file: Counter(standing(mutant, answers) for mutant in mutants) for file, mutants in by_file.items()}
    totals = sum(rows.values(), Counter[str]())
    lines = ["# Mutants", "", "`python -m benchmarks mutants`", "", _summary(totals)]
    head = "| {} | mutants | killed | survived | equivalent | not tried |\n|---|---:|---:|---:|---:|---:|"
    by_room: dict[str, Counter[str]] = {}
    for file, counted in rows.items():
        by_room[_room_of(file)] = by_room.get(_room_of(file), Counter()) + counted
    for name, table in (("room", by_room), ("file", rows)):
        lines += ["", head.format(name)]
        lines += [_row(each, counted) for each, counted in (*table.items(), ("all", totals))]
    every = [mutant for mutants in by_file.values() for mutant in mutants]
    for title, which in (("Survived", SURVIVED), ("Equivalent: no test can tell them apart", EXPLAINED)):
        found = [_line(mutant) for mutant in every if standing(mutant, answers) == which]
        lines += ["", f"{title}:", "", *(found or ["- none"])]
    return "\n".join(lines) + "\n"


def _room_of(file: str) -> str:
    return file if file in ROOMS else str(Path(file).parent)


def _line(mutant: Mutant) -> str:
    reason = reason_of(mutant)
    return f"- `{mutant.file}:{mutant.line}` {mutant.change}" + (f": {reason}" if reason else "")


def _summary(totals: Counter[str]) -> str:
    """The share that is killed; while some were not tried, with the interval that it stands for."""
    tried = totals[KILLED] + totals[SURVIVED]
    share = f"{totals[KILLED] / tried:.1%}" if tried else "none"
    said = f"Killed: {totals[KILLED]} of {tried} that were tried and are not equivalent ({share})"
    if tried and totals[OPEN]:
        low, high = wilson(totals[KILLED], tried)
        said += f"; those tried are a random sample, 95% interval {low:.1%} to {high:.1%}"
        said += " (tests were written for its survivors, so that the others may fare worse)"
    return f"{said}; not tried: {totals[OPEN]}."


def wilson(n: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson.

    >>> wilson(9, 10)
    (0.596, 0.982)
    """
    z, share = 1.959964, n / of
    middle, half = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low, high = ((middle + side * half) / (1 + z * z / of) for side in (-1, 1))
    return round(low, 3), round(high, 3)


def _row(name: str, counted: Counter[str]) -> str:
    return f"| {name} | {counted.total()} | " + " | ".join(
        str(counted[which]) for which in (KILLED, SURVIVED, EXPLAINED, OPEN)
    ) + " |"  # fmt: skip


def _is_open(mutant: Mutant, answers: Mapping[str, Answer], *, again: bool) -> bool:
    found = standing(mutant, answers)
    return found == OPEN or (again and found == SURVIVED)


def _try_all(
    mutants: list[Mutant], answers: dict[str, Answer], *, workers: int, minutes: float, patience: float, near: bool
) -> None:
    ANSWERS.parent.mkdir(parents=True, exist_ok=True)
    busy: dict[_Worker, Mutant] = {}
    idle = [_Worker(patience, near) for _ in range(workers if mutants else 0)]
    for worker in idle[:1]:
        worker.has_no_failing_test()
    killers = _killers(answers)
    until = time.monotonic() + minutes * 60
    with ANSWERS.open("a", encoding="utf-8") as log:
        while busy or (mutants and time.monotonic() < until):
            while idle and mutants and time.monotonic() < until:
                worker = idle.pop()
                busy[worker] = mutants.pop()
                before = killers.get(busy[worker].file, Counter()).most_common(KILLERS)
                worker.start(busy[worker], [name for name, _ in before])
            time.sleep(0.05)
            for worker in [worker for worker in busy if worker.is_done()]:
                mutant = busy.pop(worker)
                seconds, found = worker.seconds(), worker.answer()
                answers[key(mutant)] = found
                if "::" in found.by:
                    killers.setdefault(mutant.file, Counter())[found.by] += 1
                log.write(json.dumps({"key": key(mutant), "answer": found.answer, "by": found.by}) + "\n")
                log.flush()
                place = f"{mutant.file}:{mutant.line} {mutant.change}"
                print(f"{place}: {found.answer} {found.by} {seconds:.1f} s", flush=True)
                idle.append(worker)
    for worker in idle:
        worker.stop()


def _killers(answers: Mapping[str, Answer]) -> dict[str, Counter[str]]:
    """The tests that killed mutants of each file so far, and how many."""
    found: dict[str, Counter[str]] = {}
    for mutant in every_mutant():
        answer = answers.get(key(mutant))
        if answer is not None and "::" in answer.by:
            found.setdefault(mutant.file, Counter())[answer.by] += 1
    return found


def read_answers() -> dict[str, Answer]:
    """The answers that are kept, by key; the latest of each."""
    if not ANSWERS.exists():
        return {}
    rows = [json.loads(line) for line in ANSWERS.read_text(encoding="utf-8").splitlines()]
    return {row["key"]: Answer(row["answer"], row.get("by", "")) for row in rows}


class _Worker:
    """A process that judges one mutant after another; a new one takes its place when it is stuck or gone."""

    def __init__(self, patience: float, near: bool) -> None:
        self._patience, self._near = patience, near
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def has_no_failing_test(self) -> None:
        """Raises RuntimeError where a test fails without any mutant: all would count as killed."""
        for _ in range(2):  # the second time as every mutant meets them: with the project's modules imported anew
            self.start(None, [], self._patience * 2)
            found = self._pipe.recv()
            if found.answer != SURVIVED:
                raise RuntimeError(f"tests fail, or there are none, without any mutant: mend them first ({found.by})")

    def start(self, mutant: Mutant | None, before: Sequence[str], seconds: float | None = None) -> None:
        self._started, self._cpu_before = time.monotonic(), self._cpu_s()
        self._pipe.send((mutant, before, self._patience if seconds is None else seconds, self._near))

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def _cpu_s(self) -> float:
        """What the process has computed so far. What else the machine does is no fault of a mutant."""
        try:
            after_name = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")

    def is_stuck(self) -> bool:
        return self._cpu_s() - self._cpu_before > LIMIT_SECONDS or self.seconds() > LIMIT_WAITING_SECONDS

    def is_done(self) -> bool:
        return self._pipe.poll() or not self._process.is_alive() or self.is_stuck()

    def answer(self) -> Answer:
        why = "took too long" if self._process.is_alive() else "the process died"
        try:
            if self._pipe.poll():
                found = self._pipe.recv()
                assert isinstance(found, Answer)
                return found
        except EOFError:
            pass
        self.stop()
        self._begin()
        return Answer(KILLED, why)

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """Runs in the worker: each mutant received is imported in place of its module, and the fast tests are run on it."""
    from benchmarks.mutating import first_failing, in_place_of_its_module

    while True:
        mutant, before, seconds, is_near = pipe.recv()
        about = "" if mutant is None else Path(mutant.file).stem
        tests = near_to("" if mutant is None else mutant.file) if is_near else TESTS
        with in_place_of_its_module(mutant):
            is_slow_too = is_near and mutant is not None and mutant.file.startswith(SLOW_TOO)
            failed = first_failing(ROOT, tests, before=before, about=about, seconds=seconds, is_slow_too=is_slow_too)
            pipe.send(Answer(SURVIVED) if failed is None else Answer(KILLED, failed))


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks mutants")
    parser.add_argument("--minutes", type=float, default=20.0, help="stop handing out mutants after so long")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", default=[""], help="parts of files' paths; then the table is printed, not written"
    )
    parser.add_argument("--sample", type=int, default=0, help="try only so many, drawn at random; 0: all")
    parser.add_argument("--seed", type=int, default=SEED, help="by which the sample is drawn")
    parser.add_argument("--again", action="store_true", help="the survivors too")
    parser.add_argument("--near", action="store_true", help="only the tests nearest to the mutated file")
    parser.add_argument(
        "--patience", type=float, default=math.inf, help="seconds of CPU in tests that each mutant gets"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
