"""The commands by who needs them: the order of `cmvmon --help`, of docs/commands.md and of the README."""

from __future__ import annotations

from typing import Any

import typer

from cmvmon.cli import needs
from cmvmon.cli.stopping import Stoppable

SECTIONS: dict[str, tuple[str, ...]] = {
    "To begin": ("demo", "init", "doctor", "warmup", "version"),
    "What a ward asks": (
        "alerts", "why", "worklist", "report", "board", "audit", "said", "unit", "concordance", "next-sample", "rules", "protocol",
    ),
    "What comes in": ("ingest", "quarantine", "feed", "listen", "merge"),
    "At work": ("nightly", "assess", "serve", "watch", "status", "metrics", "notify"),
    "Kept": ("backup", "restore", "rebuild", "store"),
    "For analysts": ("analyze", "fit", "simulate", "replay", "noise", "priors", "calibrate"),
}  # fmt: skip
_FIRST = ("list", "show")  # of a group, as it is told
_WHOLE = 400  # characters: longer than any first sentence


class Sectioned(Stoppable):
    """The commands in sections, each with its first sentence whole."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called. Raises MissingExtra where it needs what is not installed."""
        found = super().resolve_command(ctx, args)
        if not ctx.resilient_parsing:  # as while a shell completes a line
            needs.check(args)
        return found

    def list_commands(self, ctx: Any) -> list[str]:
        known = super().list_commands(ctx)
        placed = [name for names in SECTIONS.values() for name in names if name in known]
        return [*placed, *(name for name in known if name not in placed)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, names in SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl(
                    [(name, one.get_short_help_str(_WHOLE)) for name, one in commands if one is not None]
                )


def tree(app: typer.Typer) -> dict[str, list[tuple[str, Any]]]:
    """By section, every command with its whole name, those of a group in the group's place; each as click knows it."""
    root = typer.main.get_command(app)
    found: dict[str, list[tuple[str, Any]]] = {}
    for title, names in SECTIONS.items():
        found[title] = []
        for name in names:
            found[title] += _under(name, root.commands[name])  # type: ignore[attr-defined]
    return found


def _under(name: str, one: Any) -> list[tuple[str, Any]]:
    """A command, or those of a group in its place, the group itself first where it does something without one of them."""
    of_group = getattr(one, "commands", None) or {}
    if not of_group:
        return [(name, one)]
    first = sorted(of_group.items(), key=lambda of: _FIRST.index(of[0]) if of[0] in _FIRST else len(_FIRST))
    below = [found for sub, each in first for found in _under(f"{name} {sub}", each)]
    return [(name, one), *below] if one.invoke_without_command else below
