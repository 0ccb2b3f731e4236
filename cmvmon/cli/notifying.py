"""The commands about telling people: send what is due, try the channels, list what waits."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, app
from cmvmon.cli.stopping import Stoppable
from cmvmon.domain.errors import CmvmonError, SiteError

notify_app = typer.Typer(
    cls=Stoppable, help="Telling people: notify.toml says whom.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(notify_app, name="notify")

_COLUMNS = ("message_id", "channel", "kind", "state", "tried", "next_try", "since", "why")
_NOT_SENT = 2  # exit code: whoever set the channel up must act


@notify_app.command("send")
def notify_send(site: MadeSite = HERE) -> None:
    """Queues what is news and sends what is due, as a night and `cmvmon watch` do: to people (notify.toml) and to the hospital's
    other programs (out.toml). For cron, every few minutes."""
    from cmvmon.run.messages.sending_out import send_out
    from cmvmon.run.messages.telling import tell

    is_set_up, errors = False, list[CmvmonError]()
    for to, send in (("", tell), ("out: ", send_out)):
        try:
            told = send(site)
        except CmvmonError as error:  # one of the two files can't be used: the other one's messages go all the same
            errors.append(error)
            continue
        if told is not None:
            is_set_up = True
            print(f"{to}{printing.told_words(told)}")
    for other in errors[1:]:
        print(f"NOT DONE: {printing.visible(str(other))}")
    if errors:
        raise errors[0]
    if not is_set_up:
        raise SiteError(
            "this site has no notify.toml, so nobody is told, and no out.toml, so nothing is given out; docs/notify.md and "
            "docs/out.md say what belongs in them"
        )


@notify_app.command("test")
def notify_test(
    channel: Annotated[str | None, typer.Option("--channel", help="One channel; without it, all.")] = None,
    site: MadeSite = HERE,
) -> None:
    """Sends a test message on every channel, and says which of them took it."""
    from cmvmon.run.messages.telling_state import try_channels

    tried = try_channels(site, channel)
    for name, why in tried:
        print(printing.visible(f"{name}: {'delivered' if why is None else f'NOT DELIVERED: {why}'}"))
    if any(why is not None for _, why in tried):
        raise typer.Exit(_NOT_SENT)


@notify_app.command("list")
def notify_list(
    every: Annotated[bool, typer.Option("--all", help="What was delivered or dropped in the last week too.")] = False,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """What waits to be sent, when it is tried next, and what failed and why."""
    from cmvmon.run.messages.telling_state import listed_messages

    rows = listed_messages(site, every=every)
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
        return
    print(printing.table(rows, _COLUMNS, "nothing waits to be sent"))
