"""The terminal of the live demo: what was sent, what the listener said, when the pages told it, and what that changed in alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cmvmon.cli import printing
from cmvmon.cli.stopping import until_stopped
from cmvmon.domain.errors import SiteError

if TYPE_CHECKING:
    from datetime import datetime

    from cmvmon.run.live_demo.live_playing import Told
    from cmvmon.workbench.live_story import Sending

OF_LIVE = Path("demo-live")
SEED = 2024
_SUMS = ("received", "accepted", "quarantined", "duplicates", "ignored")


@dataclass(frozen=True)
class Pace:
    """How long a live demo is, and how fast: simulated days, and how many of them pass in an hour."""

    patients: int
    days: int
    days_per_hour: float
    port: int


def run_live(site: Path, pace: Pace) -> None:
    """Plays it on a fresh site at `site` until its days are over or somebody stops it, and says at the end what it came to.

    Raises SiteError for a site that is no live demo's or a demo too short to show everything, CmvmonError where the listener or the
    watch ended by itself.
    """
    from cmvmon.run.health import at_work
    from cmvmon.run.live_demo.live_board import PEOPLE, live_board
    from cmvmon.run.live_demo.live_playing import play
    from cmvmon.simulate import START
    from cmvmon.text import language
    from cmvmon.workbench.live_site import FEED, make_live_site
    from cmvmon.workbench.live_story import FEWEST_PATIENTS, SHORTEST_DAYS, story
    from cmvmon.workbench.simulation import synthetic_laboratory
    from cmvmon.workbench.warming import warm_up

    if pace.days < SHORTEST_DAYS or pace.patients < FEWEST_PATIENTS:
        raise SiteError(
            f"--days {pace.days} and --patients {pace.patients} leave no room for everything that the demo shows; give at least "
            f"{SHORTEST_DAYS} and {FEWEST_PATIENTS}"
        )
    for program in (at_work.LISTEN, at_work.WATCH, at_work.BOARD):
        with at_work.standing_still(site, program, why="a live demo makes its site anew; stop it first"):
            pass
    make_live_site(site, port=pace.port)
    width = printing.terminal_width()

    def say(line: str) -> None:
        print(printing.wrapped(line, width), flush=True)

    sendings = story(patients=pace.patients, days=pace.days, seed=SEED, laboratory=synthetic_laboratory(site))
    say(f"synthetic ward of {pace.patients} patients: nothing in it is of a patient")
    say(
        f"{pace.days} days at {pace.days_per_hour:g} an hour; after a colon: what the listener answered, and what that changed"
    )
    say(f"pages: {site}/pages/index.html; stop with Ctrl-C")
    warm_up()  # or the first result would wait for the compiler
    account = Account()
    with until_stopped("stopping when this step has ended") as stop, live_board(site) as board:
        print(f"board: {board.address}", flush=True)
        say(f"sign in on it as {', '.join(PEOPLE[:-1])} or {PEOPLE[-1]}; password of this demo: {board.password}")
        told_all = play(
            site, sendings, feed=FEED, start=START, days=pace.days, days_per_hour=pace.days_per_hour,
            language=language("en"), stop=stop,
        )  # fmt: skip
        how, is_board_told = "ended early", False
        try:
            for told in told_all:
                account.add(told)
                for line in lines_of(told, START):
                    say(line)
                if not board.running.is_running and not is_board_told:
                    is_board_told = True
                    say(f"    NOT DONE {board.running.ended()}; the demo goes on without it")
            how = "stopped" if stop.is_set() else "over"
        finally:
            told_all.close()  # before anything is said: the terminal may be gone
            for line in account.lines(site, how=how):
                say(line)


def lines_of(told: Told, start: datetime) -> Iterator[str]:
    """What came of one thing, one line for it and one for each change of an alert."""
    day, at = (told.at - start).days + 1, f"{told.at:%H:%M}"
    if not told.sent:
        what, answered = "night: everybody judged", ""
    elif len(told.sent) > 1:
        what, answered = f"what the ward knew: {len(told.sent)} messages and files", _answers(told)
    else:
        one: Sending = told.sent[0]  # type: ignore[assignment]
        what = f"{one.kind:10}  {one.patient}  {one.what}"
        answered = _answers(told) or "file of the pharmacy, read"
    parts = (answered, *_taken(told), _shown(told))
    yield f"day {day:>2} {at}  {what}: " + "; ".join(part for part in parts if part)
    for change in told.changes:
        whose = f" ({change.patient_id})" if change.patient_id else " (the work itself)"
        yield f"    alert {change.event}: {change.title}{whose}"
    for words in told.trouble:
        yield f"    NOT DONE {words}"


def _answers(told: Told) -> str:
    said = Counter(f"{answer.code} {answer.why}".strip() for answer in told.answers)
    return ", ".join(code if n == 1 and len(said) == 1 else f"{n} {code}" for code, n in said.items())


def _taken(told: Told) -> Iterator[str]:
    """What was not simply accepted."""
    reasons = Counter({name: n for one in told.counted for name, n in one.reasons.items()})
    yield from (f"set apart ({reason}{f', {n}' if n > 1 else ''})" for reason, n in reasons.items())
    if ignored := sum(one.ignored for one in told.counted):
        yield f"{ignored} ignored"
    if withdrawn := sum(one.withdrawn for one in told.counted):
        yield f"{withdrawn} known before withdrawn"


def _shown(told: Told) -> str:
    if told.seconds is None:
        return "no page changes"
    return f"{'pages written' if not told.sent else 'on the page'} in {told.seconds:.1f} s"


@dataclass
class Account:
    """What was sent, and what became of it."""

    messages: int = 0
    files: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def add(self, told: Told) -> None:
        """Counts one thing."""
        self.messages += len(told.answers)
        self.files += len(told.sent) - len(told.answers)
        self.answers.update(answer.code for answer in told.answers)
        for one in told.counted:
            self.records.update({name: getattr(one, name) for name in _SUMS})
        if len(told.sent) == 1 and told.seconds is not None:
            self.slowest_s = max(self.slowest_s, told.seconds)

    def lines(self, site: Path, *, how: str) -> Iterator[str]:
        """The end of it, with what the inbox says of the same messages; nothing where nothing was sent. `how`: how it ended."""
        from cmvmon.shell.incoming.inbox_moves import Moves

        if not self.messages:
            return
        codes = ", ".join(f"{code} {n}" for code, n in sorted(self.answers.items()))
        yield f"{how}: sent {self.messages} messages ({codes or 'none'}) and {self.files} files"
        received, *rest = (f"{name} {self.records[name]}" for name in _SUMS)
        yield f"records {received} = {' + '.join(rest)}; the slowest was on the page in {self.slowest_s:.1f} s"
        waiting = sum(one.waiting for one in Moves(site).state())
        if waiting:
            yield f"{waiting} acknowledged messages were not taken in before it ended: they wait in the inbox"
        yield f"pages: {site}/pages/index.html"
