"""The commands that keep a site at work, and the one that says whether it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, app
from cmvmon.cli.feed_lines import minute, moment_words, of_feeds, of_the_work
from cmvmon.cli.stopping import until_stopped

if TYPE_CHECKING:
    from cmvmon.run.checks.status import Status
    from cmvmon.run.daytime.watching import Look
    from cmvmon.run.messages.telling_state import Telling

NOT_AT_WORK, A_FEED_WAITS = 2, 3  # exit codes, as everywhere: who must act


@app.command()
def serve(site: MadeSite = HERE) -> None:
    """Runs the nightly schedule (05:30 in the site's zone) under Prefect, until stopped; makes up a night that is missing."""
    from cmvmon.flows.serving import serve as run
    from cmvmon.shell.basis.losing_lines import lose_lines

    lose_lines()
    with until_stopped("stopping ...") as stop:
        for line in run(site, stop=stop):
            print(line, flush=True)


@app.command()
def watch(site: MadeSite = HERE) -> None:
    """Takes the drop folder in as files settle, and refreshes whom they touch, until stopped. Needs no Prefect."""
    from cmvmon.run.checks.metrics import exposing
    from cmvmon.run.daytime.watching import Trouble, keep_watch
    from cmvmon.run.health import at_work
    from cmvmon.shell.basis.losing_lines import lose_lines

    lose_lines()

    def say(words: str) -> None:
        print(f"NOT DONE {printing.visible(words)}", flush=True)

    with (
        at_work.only_one(site, at_work.WATCH),
        exposing(site, say=say) as port,
        until_stopped("stopping when this step has ended") as stop,
    ):
        print(f"watching {site}/drop; stop with Ctrl-C", flush=True)
        if port is not None:
            print(f"metrics  http://127.0.0.1:{port}/metrics", flush=True)
        for found in keep_watch(site, stop=stop):
            lines = [f"NOT DONE {printing.visible(found.words)}"] if isinstance(found, Trouble) else _lines_of(found)
            for line in lines:
                print(line, flush=True)
        print("stopped; what was taken in is assessed, and the next start goes on from here", flush=True)


def _lines_of(look: Look) -> Iterator[str]:
    yield from printing.taken_in_lines(look.taken_in)
    if look.assessed is not None and look.published is not None:
        words = f"{printing.assessed_words(look.assessed)}; {printing.published_words(look.published)}"
        yield f"refresh  as of {look.assessed.as_of.isoformat()}: {words}"


@app.command()
def status(as_json: Json = False, site: MadeSite = HERE) -> None:
    """The last night and the next, what runs, and what keeps the work from being done; code 2 or 3 where somebody must act."""
    from cmvmon.run.checks.status import status as find

    found = find(site)
    if as_json:
        print(json.dumps(_plain(found), sort_keys=True, indent=2))
    else:
        print("\n".join(_said(found)))
    if found.is_at_rest:
        raise typer.Exit(NOT_AT_WORK)
    waits = (
        found.policy_waits,
        found.stopped,
        found.silent,
        found.n_never_taken_in,
        found.n_merges_unused,
        found.inbox_fault,
    )
    if any(waits) or found.telling.needs_somebody or found.out.needs_somebody:
        raise typer.Exit(A_FEED_WAITS)


@app.command()
def metrics(
    write: Annotated[
        bool, typer.Option("--write", help="Into the file that settings.toml names (metrics_file), for node-exporter.")
    ] = False,
    site: MadeSite = HERE,
) -> None:
    """How the work and each feed stand, in Prometheus' text format: counts and moments, never a value or an id."""
    from cmvmon.run.checks import metrics as of_site

    if write:
        print(printing.visible(f"written to {of_site.write(site)}"))
    else:
        print(of_site.text(site).decode(), end="")


def _plain(found: Status) -> dict[str, object]:
    said = asdict(found) | {"is_at_work": not found.is_at_rest, "n_never_taken_in": found.n_never_taken_in}
    said |= {"n_merges_unused": found.n_merges_unused}
    said["stopped"] = [
        _texts(asdict(each) | {"moved": each.moved and _texts(asdict(each.moved))}) for each in found.stopped
    ]
    for name in ("messages", "no_messages", "feeds", "certificates"):
        said[name] = [_texts(asdict(each)) for each in getattr(found, name)]
    said["policy_waits"] = None if found.policy_waits is None else _texts(asdict(found.policy_waits))
    return _texts(said)


def _texts(facts: dict[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


def _said(found: Status) -> Iterator[str]:
    last, assessed = moment_words(found.last_night, found.at), moment_words(found.last_assessed, found.at)
    if found.is_demo:
        yield "demo         a made-up ward of another year: no night of it is missing, and no feed silent"
    yield f"last night   {last}{': the one after it is MISSING' if found.is_overdue and found.last_night else ''}"
    if found.next_night is not None:
        yield f"next night   {minute(found.next_night)} (`cmvmon serve` runs)"
    else:
        yield "next night   not known: `cmvmon serve` does not run here, and cron can't be asked"
    yield f"last judged  {assessed}"
    yield f"watch        {'runs' if found.is_watching else 'does not run here'}"
    yield f"notify       {_telling(found)}"
    if found.out.is_set_up:
        yield f"given out    {_given_out(found)}"
    yield f"last backup  {_backup(found)}"
    yield from _of_messages(found)
    yield from of_feeds(found)
    yield from of_the_work(found.stopped)
    if found.policy_waits is not None:
        from cmvmon.domain.waiting_policy import WAITS
        from cmvmon.text import language
        from cmvmon.text.policy import waiting_in_words

        words = waiting_in_words(found.policy_waits, language("en"), str(found.at.tzinfo))
        yield f"{'WAITS   ' if found.policy_waits.state == WAITS else 'NOT USED'}     {printing.visible(words)}"
    if found.n_never_taken_in:
        yield f"NOT TAKEN IN {found.never_taken_in.in_words}; `cmvmon quarantine list` says why of each"
    if found.merges_unused:
        from cmvmon.cli.merging import not_used_words

        yield f"NOT USED     {not_used_words(found.merges_unused)}"


def _backup(found: Status) -> str:
    if found.backup_fault is not None:
        return f"NOT KNOWN: {found.backup_fault}"
    return "never (`cmvmon backup`)" if found.last_backup is None else moment_words(found.last_backup, found.at)


_WHY_NONE = {  # by the code under which the listener keeps such bytes
    "no_frames": "another protocol than MLLP, or bytes without end outside any frame; the connection was closed",
    "no_header": "a frame without a message header (MSH); the connection was closed",
    "outside_a_frame": "bytes between two frames",
    "timed_out": "a frame that did not end in time; the connection was closed",
    "too_long": "a frame longer than is taken; the connection was closed",
    "unfinished_frame": "a frame in which another one begins, or the connection ends",
}


def _of_messages(found: Status) -> Iterator[str]:
    """How the inbox stands, where a site listens or ever stored a message."""
    if found.is_deaf:
        yield "listen       DOES NOT RUN here, and senders wait: start `cmvmon listen`, or remove listen.toml"
    elif found.messages or found.is_listening or found.must_listen:
        yield f"listen       {'runs' if found.is_listening else 'does not run here'}"
    for one in found.messages:
        last = f"last message {moment_words(one.last_at, found.at)}"
        if one.feed is None:
            yield f"  refused    {one.stored} messages were refused (AR of HL7, an error of HTTP) and stand in the inbox; {last}"
            continue
        reused = f"; {one.id_reused} under an id that had come before" if one.id_reused else ""
        since = f", the first of them since {minute(one.oldest_waiting_at)}" if one.oldest_waiting_at else ""
        name = printing.visible(one.feed)
        counted = f"stored {one.stored} = taken in {one.moved} + waiting {one.waiting}{since}{reused}"
        yield f"  {name}: {counted}; {last}; {one.last_day} in 24 h"
    for piece in found.no_messages:
        last = moment_words(piece.last_at, found.at)
        yield f"  NO MESSAGE {piece.n} times in 24 h: {_WHY_NONE.get(piece.code, piece.code)}; the last {last}"
    if found.inbox_fault is not None:
        yield f"NOT READ     {printing.visible(found.inbox_fault)}"


def _telling(found: Status) -> str:
    telling = found.telling
    if telling.fault is not None:
        return f"NOBODY IS TOLD: {printing.visible(telling.fault)}"
    if not telling.is_set_up:
        return "nobody is told: this site has no notify.toml (docs/notify.md)"
    return _undelivered(telling)


def _given_out(found: Status) -> str:
    """What goes to the hospital's other programs, where out.toml names any."""
    if found.out.fault is not None:
        return f"NOTHING IS GIVEN OUT: {printing.visible(found.out.fault)}"
    return _undelivered(found.out)


def _undelivered(telling: Telling) -> str:
    lost = f", {telling.n_given_up} GIVEN UP (`cmvmon notify list`)" if telling.n_given_up else ""
    return f"{telling.n_waiting} wait, {telling.n_failing} of them could not be delivered so far{lost}"
