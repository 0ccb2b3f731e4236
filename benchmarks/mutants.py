"""Mutation testing of the judging code: one small change at a time, and does a fast test notice?

`python -m benchmarks mutants [--minutes 20] [--workers 2] [--only rules/suppressed]` tries every mutant of cmvmon/rules,
cmvmon/facts, cmvmon/episodes.py and cmvmon/assess.py that has no answer yet, and writes benchmarks/mutants.md. Answers are
kept by the text of the mutated file in benchmarks/out/mutants.jsonl, so a run that was stopped goes on where it was.
No file of the project is changed: a worker hands Python the changed source when the module is imported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.mutating import Mutant, mutants_of

ROOT = Path(__file__).parents[1]
JUDGING = ("cmvmon/rules/*.py", "cmvmon/facts/*.py", "cmvmon/episodes.py", "cmvmon/assess.py")
TESTS = ("tests/rules", "tests/facts", "tests/episodes", "tests/cases/test_ward_situations.py", "tests/shell")
ANSWERS = ROOT / "benchmarks" / "out" / "mutants.jsonl"
REPORT = ROOT / "benchmarks" / "mutants.md"
LIMIT_SECONDS = 180.0  # a mutant that keeps the tests busy for longer is killed: the suite would not end


def main(arguments: Sequence[str]) -> int:
    """Tries what has no answer yet, within the minutes given; writes the table; 0 when at least 90 % are killed."""
    given = _arguments(arguments)
    wanted = [mutant for mutant in every_mutant() if given.only in mutant.file]
    answers = _answers()
    open_ones = [mutant for mutant in wanted if key(mutant) not in answers]
    random.Random(7).shuffle(open_ones)  # a run that is cut short is a fair sample
    _try_all(open_ones, answers, workers=given.workers, minutes=given.minutes)
    text = report(wanted, answers)
    print(text)
    if not given.only:
        REPORT.write_text(text, encoding="utf-8")
    done = [answers[key(mutant)] for mutant in wanted if key(mutant) in answers]
    return 0 if done and done.count("survived") <= 0.1 * len(done) else 1


def every_mutant() -> list[Mutant]:
    """Every mutant of the judging code, in the order of the files. Rooms that do not exist have none."""
    files = sorted({path for pattern in JUDGING for path in ROOT.glob(pattern)})
    return [
        mutant
        for path in files
        for mutant in mutants_of(path.read_text(encoding="utf-8"), file=str(path.relative_to(ROOT)))
    ]


def key(mutant: Mutant) -> str:
    """Under which a mutant's answer is kept: its file and the whole changed text."""
    return hashlib.sha256(f"{mutant.file}\n{mutant.text}".encode()).hexdigest()[:24]


def report(wanted: Iterable[Mutant], answers: dict[str, str]) -> str:
    """The table by file, and every survivor with its place."""
    lines = ["# Mutants of the judging code", "", "`python -m benchmarks mutants`", ""]
    lines += ["| file | mutants | tried | killed | survived |", "|---|---:|---:|---:|---:|"]
    by_file: dict[str, list[Mutant]] = {}
    for mutant in wanted:
        by_file.setdefault(mutant.file, []).append(mutant)
    survivors: list[str] = []
    totals: Counter[str] = Counter()
    for file, mutants in by_file.items():
        found = [answers.get(key(mutant)) for mutant in mutants]
        counted = Counter(answer for answer in found if answer is not None)
        totals += counted + Counter(mutants=len(mutants))
        lines.append(_row(file, len(mutants), counted))
        survivors += [
            f"- `{mutant.file}:{mutant.line}` {mutant.change}"
            for mutant, answer in zip(mutants, found, strict=True)
            if answer == "survived"
        ]
    lines.append(_row("all", totals.pop("mutants", 0), totals))
    return "\n".join([*lines, "", "Survived:", "", *(survivors or ["- none"])]) + "\n"


def _row(name: str, n: int, counted: Counter[str]) -> str:
    tried = counted["killed"] + counted["survived"]
    return f"| {name} | {n} | {tried} | {counted['killed']} | {counted['survived']} |"


def _try_all(mutants: list[Mutant], answers: dict[str, str], *, workers: int, minutes: float) -> None:
    ANSWERS.parent.mkdir(parents=True, exist_ok=True)
    busy: dict[_Worker, Mutant] = {}
    idle = [_Worker() for _ in range(workers if mutants else 0)]
    for worker in idle:
        worker.has_no_failing_test()
    until = time.monotonic() + minutes * 60
    with ANSWERS.open("a", encoding="utf-8") as log:
        while busy or (mutants and time.monotonic() < until):
            while idle and mutants and time.monotonic() < until:
                worker = idle.pop()
                busy[worker] = mutants.pop()
                worker.start(busy[worker])
            time.sleep(0.05)
            for worker in [worker for worker in busy if worker.is_done()]:
                mutant = busy.pop(worker)
                answers[key(mutant)] = worker.answer()
                log.write(json.dumps({"key": key(mutant), "answer": answers[key(mutant)]}) + "\n")
                log.flush()
                print(f"{mutant.file}:{mutant.line} {mutant.change}: {answers[key(mutant)]}", flush=True)
                idle.append(worker)
    for worker in idle:
        worker.stop()


def _answers() -> dict[str, str]:
    if not ANSWERS.exists():
        return {}
    rows = [json.loads(line) for line in ANSWERS.read_text(encoding="utf-8").splitlines()]
    return {row["key"]: row["answer"] for row in rows}


class _Worker:
    """A process that judges one mutant after another; a new one takes its place when it is stuck or gone."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def has_no_failing_test(self) -> None:
        """Raises RuntimeError where a test fails without any mutant: every mutant would count as killed."""
        self._pipe.send(None)
        if self._pipe.recv() != "survived":
            raise RuntimeError("the tests fail, or there are none, without any mutant: mend them first")

    def start(self, mutant: Mutant) -> None:
        self._started = time.monotonic()
        self._pipe.send(mutant)

    def is_done(self) -> bool:
        return self._pipe.poll() or not self._process.is_alive() or time.monotonic() - self._started > LIMIT_SECONDS

    def answer(self) -> str:
        try:
            if self._pipe.poll():
                return str(self._pipe.recv())
        except EOFError:
            pass
        self.stop()
        self._begin()
        return "killed"

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """Runs in the worker: each mutant received is imported in place of its module, and the fast tests are run on it."""
    from benchmarks.mutating import in_place_of_its_module, judged

    tests = [name for name in TESTS if (ROOT / name).exists()]
    while True:
        mutant = pipe.recv()
        with in_place_of_its_module(mutant):
            pipe.send("survived" if judged(ROOT, tests) else "killed")


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks mutants")
    parser.add_argument("--minutes", type=float, default=20.0, help="stop handing out mutants after so long")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="part of a file's path; then the table is printed, not written")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
