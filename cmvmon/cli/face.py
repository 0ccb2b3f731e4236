"""The application that every command joins, and the options that several share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cmvmon import __version__
from cmvmon.cli.progress import tell_of_compiling
from cmvmon.cli.sections import Sectioned
from cmvmon.cli.stopping import Stoppable
from cmvmon.domain.errors import SiteError
from cmvmon.domain.first_compile import when_first_compiling

app = typer.Typer(
    cls=Sectioned,
    epilog="Exit codes: 0 done, 1 unexpected, 2 call or site, 3 delivery refused, 4 protocol or laboratory file, "
    "5 contract broken, 6 already running, 7 database, 130 stopped with Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
alerts_app = typer.Typer(help="The alerts as they stand.", no_args_is_help=True, rich_markup_mode=None)
quarantine_app = typer.Typer(
    cls=Stoppable,
    help="Records that are kept, with a reason, and not used.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
rules_app = typer.Typer(help="The rules, and where each is changed.", no_args_is_help=True, rich_markup_mode=None)
feed_app = typer.Typer(help="The feeds of laboratories.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(feed_app, name="feed")
app.add_typer(rules_app, name="rules")
app.add_typer(alerts_app, name="alerts")
app.add_typer(quarantine_app, name="quarantine")

SiteOption = Annotated[Path, typer.Option("--site", envvar="CMVMON_SITE", help="The site's directory.")]
MadeSite = Annotated[
    Path,
    typer.Option("--site", envvar="CMVMON_SITE", help="The site's directory.", callback=lambda root: _made(root)),
]
Lang = Annotated[str | None, typer.Option("--lang", help="nl or en.", callback=lambda code: _spoken(code))]
AsOf = Annotated[str | None, typer.Option("--as-of", help="The moment to judge, ISO 8601; without it, now.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document, for a machine.")]
Method = Annotated[
    str | None, typer.Option("--method", help="bank or line: how the decline is estimated; as in settings.toml.")
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone", metavar="ZONE", help="Of times without an offset: Europe/Amsterdam; without it, as the site states."
    ),
]
HERE = Path("site")


def say_version(wanted: bool) -> None:
    """Prints the version and ends, when it is asked for."""
    if wanted:
        print(f"cmvmon {__version__}")
        raise typer.Exit


@app.callback()
def cmvmon(
    version: Annotated[
        bool, typer.Option("--version", help="Prints the version.", is_eager=True, callback=say_version)
    ] = False,
) -> None:
    """Follows CMV load under treatment: laboratory files in, alerts and pages out. Synthetic or your own data; no diagnosis."""
    when_first_compiling(tell_of_compiling)


def _made(root: Path) -> Path:
    """The directory of a site that somebody made. Raises SiteError."""
    from cmvmon.shell.folder.making_site import require_made

    return require_made(root)


def _spoken(code: str | None) -> str | None:
    """A language that the pages are written in. Raises SiteError."""
    from cmvmon.text import codes

    if code is not None and code not in codes():
        raise SiteError(f"--lang {code!r}: choose one of {', '.join(codes())}")
    return code


def moment_of(text: str | None, site: Path | None = None, stated: str | None = None) -> Any:
    """The moment that an option names; without it, now. One without an offset is local to the zone `stated`, else the site's."""
    from cmvmon.shell.folder.site import Site
    from cmvmon.shell.store.session import moment, now

    zone = None if site is None else Site(site).settings().delivered_zone
    if stated is not None:
        from cmvmon.workbench.folder_tables import zone_called

        zone = zone_called(stated)
    return now() if text is None else moment(text, zone)
