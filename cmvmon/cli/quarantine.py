"""The commands of the quarantine as a work list: what waits, what a person says of it, and judging it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, SiteOption, quarantine_app

if TYPE_CHECKING:
    from cmvmon.run.daytime.quarantine_retry import Retried

Meant = Annotated[
    str,
    typer.Argument(
        metavar="RECORD",
        help="As `quarantine list` prints it, or how it begins; or the delivery in it for all of its records.",
    ),
]
Why = Annotated[str, typer.Option("--why", help="In a few words, without a patient's name or number.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; without it, this machine's user.")]
_WAITING = (
    "record",
    "feed",
    "table_name",
    "file_name",
    "line",
    "times",
    "age",
    "owner",
    "column",
    "sample",
    "reason",
    "remedy",
)
_ANSWERED = ("record", "feed", "table_name", "answer", "answered_at", "actor", "why")


@quarantine_app.command("list")
def quarantine_list(
    answered: Annotated[
        bool, typer.Option("--answered", help="What persons said of records: who, when and why.")
    ] = False,
    feed: Annotated[str | None, typer.Option("--feed", help="Of one feed alone.")] = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """What waits: where it is, why, for how long, who must act. Delivered text as its shape only (letters a, digits 9)."""
    from cmvmon.run.answers import quarantine_answers
    from cmvmon.run.asking import quarantine_list

    if feed is not None:
        quarantine_list.refuse_unknown_feed(site, feed)
    rows = quarantine_answers.answered(site) if answered else quarantine_list.listed_quarantine(site)
    rows = [row for row in rows if feed in (None, row["feed"])]
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
        return
    if answered:
        print(printing.table(rows, _ANSWERED, "nobody has answered anything"))
        return
    aged = [row | {"age": f"{row['age_days']} d"} for row in rows]
    print(printing.table(aged, _WAITING, "nothing in quarantine"))
    apart = ", ".join(f"{n} {answer}" for answer, n in quarantine_list.counted_apart(site).items())
    if apart:
        print(f"answered by persons and kept apart: {apart} (`quarantine list --answered`)")


@quarantine_app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="The record's name, as `quarantine list` prints it, or how it begins.")],
    delivered: Annotated[
        bool,
        typer.Option("--delivered", help="Its text as it came. It may hold patient data: look at it on the site only."),
    ] = False,
    site: SiteOption = HERE,
) -> None:
    """One record, masked: the shape of each cell (letters a, digits 9), and no patient."""
    from cmvmon.run.asking.quarantine_list import quarantined_record

    print(printing.shown_json(quarantined_record(site, record, as_delivered=delivered)))


@quarantine_app.command("retry")
def quarantine_retry(
    record: Annotated[
        str | None, typer.Argument(metavar="[RECORD]", help="Only this record's delivery; without it, all that waits.")
    ] = None,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Judges what waits again from the stored bytes, after a laboratory file was mended; assesses nothing."""
    from cmvmon.run.daytime.quarantine_retry import retry

    found = retry(site, record)
    if as_json:
        print(json.dumps(_plain(found), sort_keys=True, indent=2))
    else:
        _say(found)
    _end_as_found(found)


@quarantine_app.command("release")
def quarantine_release(
    record: Meant,
    why: Why,
    by: Annotated[str, typer.Option("--by", help="Who confirms it, by name.")],
    site: MadeSite = HERE,
) -> None:
    """Confirms what is asked of a person: the record is right as it stands, and is used from now on."""
    from cmvmon.run.daytime.quarantine_retry import release

    found = release(site, record, why=why, actor=by)
    _say(found)
    _end_as_found(found)


@quarantine_app.command("reject")
def quarantine_reject(record: Meant, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Says that a record is not to be used, even when a mended laboratory file could read it. It is kept, and counted apart."""
    _answer(site, record, "rejected", why, by)


@quarantine_app.command("close")
def quarantine_close(record: Meant, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Says that a record was dealt with: it waits no longer, and so do its repeats until now."""
    _answer(site, record, "closed", why, by)


@quarantine_app.command("ignore")
def quarantine_ignore(record: Meant, why: Why, by: By = None, site: MadeSite = HERE) -> None:
    """Says that a record is never followed: neither now nor when it is delivered again."""
    _answer(site, record, "ignored", why, by)


@quarantine_app.command("dismiss")
def quarantine_dismiss(
    delivery: Annotated[str, typer.Argument(help="A delivery that was never judged, as `quarantine list` prints it.")],
    why: Why,
    by: By = None,
    take_back: Annotated[bool, typer.Option("--take-back", help="Says that it waits again.")] = False,
    site: MadeSite = HERE,
) -> None:
    """Says that a delivery which landed and was never judged is not for us (a mistyped feed): it is kept, and counts nowhere."""
    from cmvmon.run.answers import dismissing

    done = dismissing.take_back if take_back else dismissing.dismiss
    name = done(site, delivery, why=why, actor=by)
    print(
        printing.visible(
            f"{name}: {'it waits again' if take_back else 'dismissed; --take-back says that it waits again'}"
        )
    )


@quarantine_app.command("reopen")
def quarantine_reopen(
    record: Annotated[str, typer.Argument(help="As `quarantine list --answered` prints it.")],
    why: Why,
    by: By = None,
    site: MadeSite = HERE,
) -> None:
    """Takes such a word back: the record waits again."""
    from cmvmon.run.answers.quarantine_answers import reopen

    reopen(site, record, why=why, actor=by)
    print("it waits again, from the next night on")


def _answer(site: Path, record: str, answer: str, why: str, by: str | None) -> None:
    from cmvmon.run.answers.quarantine_answers import answer_quarantine

    n = answer_quarantine(site, record, answer=answer, why=why, actor=by)
    print(
        f"{n} record(s) {answer}; pages and alerts follow with the next night (`quarantine list --answered`, `reopen`)"
    )


def _say(found: Retried) -> None:
    if not found.reasons and not found.counted and not found.faults and not found.standing:
        print("nothing in quarantine")
        return
    for reason, became in found.reasons.items():
        now = "".join(f", {n} now {other}" for other, n in sorted(became.now.items()))
        print(f"{reason}: {became.brought_right} brought right, {became.stay} stay{now}")
    for one in found.counted:
        print(printing.visible(f"judged   {one.feed}/{one.table}: {printing.counted_words(one)}"))
    for fault in found.faults:
        print(printing.visible(f"NOT READ {fault.message}"))
    for name in found.standing:
        print(
            printing.visible(f"STANDS   {name}: three tries ended in an error of cmvmon; name it to try it once more")
        )
    if not found.counted and not found.faults:
        print("what waits would be read as before: no laboratory or table file of it has changed since")
    elif found.counted:
        print("pages and alerts follow with the next night")


def _end_as_found(found: Retried) -> None:
    """Ends as `ingest` does where a delivery could not be judged: 4 for a broken file of its feed, 2 for one that is missing."""
    if found.faults:
        raise typer.Exit(max(fault.exit_code for fault in found.faults))


def _plain(found: Retried) -> dict[str, object]:
    reasons = {
        reason: {"brought_right": became.brought_right, "stay": became.stay, "now": dict(became.now)}
        for reason, became in found.reasons.items()
    }
    faults = [
        {"feed": fault.feed, "table": fault.table, "code": fault.code, "message": fault.message}
        for fault in found.faults
    ]
    judged = [printing.counted_json(one) for one in found.counted]
    return {"reasons": reasons, "judged": judged, "not_read": faults, "standing": list(found.standing)}
