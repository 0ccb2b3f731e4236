"""A message as it is sent: subject, plain text and simple HTML, made from the same parts.

The HTML is read in whatever mail program there is: dark on light, one table at most, no picture, nothing that is loaded from
elsewhere, and nothing that is understood by its colour alone.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cmvmon.text import Language

_BODY = "margin:0;background-color:#ffffff;color:#111111;font-family:Arial,sans-serif;font-size:16px;line-height:1.4"
_MAIN = "max-width:600px;padding:12px"
_HEADING = "margin:0 0 12px;font-size:18px"
_TABLE = "border-collapse:collapse;margin:0 0 12px"
_CAPTION = "text-align:left;padding:0 0 4px"
_CELL = "text-align:left;padding:3px 24px 3px 0;border-bottom:1px solid #767676"
_LINK = "color:#00508a"


@dataclass(frozen=True)
class Said:
    """What is sent. `message_id` goes with it in the way of each channel."""

    message_id: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Speaking:
    """How messages to one recipient are written: language, zone, and what may stand beneath them."""

    language: Language
    time_zone: str
    link: str | None = None
    contact: str | None = None


@dataclass(frozen=True)
class Counts:
    """Counts of several places: a table in HTML, `lines` in plain text. The first column names the place."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Pressing:
    """Lines that come before all others, and in bold."""

    lines: tuple[str, ...]


Part = Sequence[str] | Counts | Pressing


def letter(message_id: str, subject: str, parts: Sequence[Part], speaking: Speaking) -> Said:
    """The message of these parts, with link, contact and its id beneath. An empty part is left out."""
    say = speaking.language.say
    link = [] if speaking.link is None else [say("tell.link", link=speaking.link)]
    contact = [] if speaking.contact is None else [say("tell.contact", contact=speaking.contact)]
    footer = say("tell.footer", message_id=message_id)
    shown = [part for part in (*parts, [*link, *contact], [footer]) if part]
    one_line = " ".join(subject.split())
    text = "\n\n".join("\n".join(_lines(part)) for part in shown)
    return Said(message_id, one_line, text + "\n", _as_html(one_line, shown, speaking))


def where(ward: str | None, language: Language, *, is_known: bool) -> str:
    """A ward in words; without a name, whether notify.toml names none or it is not known at all."""
    if ward is not None:
        return language.say("tell.ward", ward=ward)
    return language.say("tell.ward_unnamed" if is_known else "tell.ward_unknown")


def moment(at: str, speaking: Speaking) -> str:
    """A moment of a message's facts, by the recipient's clock and in his language."""
    return speaking.language.moment(datetime.fromisoformat(at), speaking.time_zone)


def _lines(part: Part) -> Sequence[str]:
    if isinstance(part, Counts):
        return (part.caption, *part.lines)
    return part.lines if isinstance(part, Pressing) else part


def _as_html(subject: str, parts: Sequence[Part], speaking: Speaking) -> str:
    body = "\n".join(_part(part, speaking.link) for part in parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{speaking.language.code}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light only">'
        f'<title>{html.escape(subject)}</title></head>\n<body style="{_BODY}"><main style="{_MAIN}">\n'
        f'<h1 style="{_HEADING}">{html.escape(subject)}</h1>\n{body}\n</main></body></html>\n'
    )


def _part(part: Part, link: str | None) -> str:
    if isinstance(part, Counts):
        return _table(part)
    lines = "<br>".join(html.escape(line) for line in _lines(part))
    if link is not None:
        shown = html.escape(link)
        lines = lines.replace(shown, f'<a style="{_LINK}" href="{shown}">{shown}</a>', 1)
    return f"<p><strong>{lines}</strong></p>" if isinstance(part, Pressing) else f"<p>{lines}</p>"


def _table(part: Counts) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{html.escape(name)}</th>' for name in part.columns)
    rows = "\n".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal">{html.escape(first)}</th>'
        + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in part.rows
    )
    return (
        f'<table style="{_TABLE}"><caption style="{_CAPTION}">{html.escape(part.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>"
    )
