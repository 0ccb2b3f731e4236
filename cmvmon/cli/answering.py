"""The commands by which a person answers an alert, and reads back what was said of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, Lang, MadeSite, SiteOption, alerts_app, moment_of
from cmvmon.domain.errors import SiteError
from cmvmon.domain.moved_together import UP
from cmvmon.domain.words import ACKNOWLEDGED

if TYPE_CHECKING:
    from cmvmon.run.daytime.laboratory_word import Answered

Alert = Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how it begins; see `alerts list`.")]
Reason = Annotated[
    str | None,
    typer.Option("--reason", "--why", help="Why, as a code; without one, or with a wrong one, they are listed."),
]
Note = Annotated[str | None, typer.Option("--note", help="Free text beside it, without a patient's name or number.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; without it, this machine's user.")]

_EVENTS = (
    "changed_at",
    "event",
    "actor",
    "standing",
    "cause",
    "reason_in_words",
    "until",
    "recipient",
    "note",
    "tells",
)
_HEAD = (
    "alert_id",
    "tier",
    "state",
    "standing",
    "rule",
    "patient_id",
    "compartment",
    "opened_at",
    "answered_by",
    "until",
)


@alerts_app.command("show")
def show(
    alert: Alert,
    seen: Annotated[bool, typer.Option("--seen", help="Records that you have seen it.")] = False,
    by: By = None,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """One alert as it stands, all that happened to it, and of a result that was taken back what rested on it and who had
    answered; `tells`: whose answer a change took the ground from."""
    from cmvmon.run.asking.queries import shown_alert

    if seen:
        from cmvmon.run.answers.answering import see

        see(site, alert, actor=by)
    found = shown_alert(site, alert, lang=lang)
    if as_json:
        print(printing.shown_json(found))
        return
    print(printing.table([found], _HEAD, ""))
    print(printing.visible(f"{found['sentence']}\n"))
    if found["rested_on_it"]:
        print(printing.visible("\n".join((*found["rested_on_it"]["says"], ""))))
    print(printing.table(found["events"], _EVENTS, ""))


@alerts_app.command("ack")
def ack(alert: Alert, reason: Reason = None, note: Note = None, by: By = None, site: MadeSite = HERE) -> None:
    """Acknowledges an alert: you answer for it. It stays open until what it says has ended, and is reopened if it gets worse. Of a
    laboratory in doubt, `results_confirmed` ends it: its loads are judged again."""
    from cmvmon.run.daytime.laboratory_word import acknowledge

    _of_laboratory(acknowledge(site, alert, reason=reason, note=note, actor=by))


@alerts_app.command("snooze")
def snooze(
    alert: Alert,
    reason: Reason = None,
    until: Annotated[
        str | None, typer.Option("--until", help="ISO 8601; without it, until the next sample is expected.")
    ] = None,
    note: Note = None,
    by: By = None,
    site: MadeSite = HERE,
) -> None:
    """Sets an alert aside until a moment: at most until the next sample is expected. It ends by itself."""
    from cmvmon.run.answers.answering import snooze as set_aside

    moment: datetime | None = None if until is None else moment_of(until, site)
    _told(set_aside(site, alert, until=moment, reason=reason, note=note, actor=by))


@alerts_app.command("reopen")
def reopen(
    alert: Alert,
    why: Annotated[str, typer.Option("--why", "--reason", help="In a few words, without a patient's name or number.")],
    by: By = None,
    site: MadeSite = HERE,
) -> None:
    """Takes an acknowledgement or a snooze back, or that a laboratory confirmed its results."""
    from cmvmon.run.daytime.laboratory_word import reopen as take_back

    _of_laboratory(take_back(site, alert, why=why, actor=by))


@alerts_app.command("readback")
def readback(
    alert: Alert,
    to: Annotated[str, typer.Option("--to", help="Who was called.")],
    confirmed: Annotated[bool, typer.Option("--confirmed", help="That person read the result back.")] = False,
    not_reached: Annotated[bool, typer.Option("--not-reached", help="That person was not reached.")] = False,
    note: Note = None,
    by: By = None,
    site: MadeSite = HERE,
) -> None:
    """Records to whom a critical result was told: read back, or not reached."""
    from cmvmon.run.answers.answering import read_back

    if confirmed == not_reached:
        raise SiteError("say one of the two: --confirmed or --not-reached")
    _told(read_back(site, alert, recipient=to, is_confirmed=confirmed, note=note, actor=by))


@alerts_app.command("history")
def history(
    alert: Annotated[str | None, typer.Argument(metavar="[ALERT]", help="One alert; without it, every one.")] = None,
    patient: Annotated[str | None, typer.Option("--patient", help="The alerts of one patient.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="What happened after that moment, ISO 8601.")] = None,
    lang: Lang = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """What happened to alerts, in order: each change with its moment, who brought it about, and why."""
    from cmvmon.run.asking.queries import history as found_in

    after: datetime | None = None if since is None else moment_of(since, site)
    rows = found_in(site, alert_id=alert, patient=patient, since=after, lang=lang)
    if as_json:
        print(printing.shown_json(rows))
        return
    print(printing.table(rows, ("alert_id", "rule", "patient_id", *_EVENTS), "nothing happened"))


def _of_laboratory(answered: Answered) -> None:
    """An answer, and of the word of a laboratory which results it is about, by assay and way, and what follows."""
    if not answered.about:
        _told(answered.event)
    elif answered.trouble:
        later = f"it could not be done at once ({answered.trouble}): whoever has such a result is judged again with the next night"
        _told(answered.event, f"{later}; ")
    else:
        _told(answered.event, "whoever has such a result is judged again, and has a page that says so; other ")
    for moved in answered.about:
        said = (
            "confirmed by the laboratory"
            if answered.event["event"] == ACKNOWLEDGED
            else "in doubt again, if what is known still says so"
        )
        went = "rose" if moved.way == UP else "fell"
        print(printing.visible(f"{moved.laboratory} ({moved.assay}), results that {went} together: {said}"))


def _told(event: dict[str, Any], follows: str = "") -> None:
    until = "" if event["until"] is None else f" until {event['until'].isoformat(sep=' ', timespec='minutes')}"
    pages = "pages follow with the next night, or `cmvmon report`"
    print(printing.visible(f"{event['alert_id']}: {event['event']}{until} by {event['actor']}; {follows}{pages}"))
