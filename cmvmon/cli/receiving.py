"""The command that takes messages from a socket. It is started without what judges or shows, and runs when these can't."""

from __future__ import annotations

from cmvmon.cli.face import HERE, SiteOption, app
from cmvmon.cli.json_lines import say_in_json
from cmvmon.cli.stopping import until_stopped


@app.command("listen")
def listen(site: SiteOption = HERE) -> None:
    """Takes HL7 by MLLP and FHIR by HTTP, makes each durable, then answers it, until stopped; `watch` takes them in."""
    from cmvmon.run.health import at_work
    from cmvmon.run.listener.listening import listen as run
    from cmvmon.shell.incoming.sender_files import listening

    listening(site)  # a mistyped name makes no site
    say = say_in_json()
    with at_work.only_one(site, at_work.LISTEN), until_stopped("stopping when what came is acknowledged") as stop:
        run(site, stop=stop, say=say)
