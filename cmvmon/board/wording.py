"""The pages of a few words: what is refused, not there or could not be done, and the page to sign in on."""

from __future__ import annotations

from dataclasses import dataclass

from cmvmon.board.desk import Shown
from cmvmon.board.pages import Asked, Pages
from cmvmon.board.scope import Reader
from cmvmon.dashboards.board import Board, sign_in_page, words_page
from cmvmon.text import codes, language

_STATUS_OF = {"refused": 403, "form": 403, "gone": 404, "unknown": 403, "stranger": 401, "method": 405, "large": 413}
_TITLE_OF = {
    "refused": "refused",
    "form": "form",
    "large": "form",
    "method": "form",
    "gone": "gone",
    "unknown": "refused",
    "stranger": "refused",
}


@dataclass(frozen=True)
class Wording:
    """Makes them."""

    pages: Pages

    def words(
        self, what: str, lang: str, reader: Reader | None, *, status: int = 0, key: str = "", **said: str
    ) -> Shown:
        """A page of a few words; to somebody who is known with the board's links."""
        spoken = language(lang)
        board: Board | None = None
        if reader is not None:
            board = self.pages.board(reader, None, Asked(what, lang))
        role = "" if reader is None else spoken.say(f"board.role.{reader.role}")
        title = spoken.say(f"board.title.{_TITLE_OF.get(what, 'failed')}")
        text = words_page(board, spoken, title=title, said=spoken.say(key or f"board.says.{what}", role=role, **said))
        return Shown(status or _STATUS_OF.get(what, 503), text)

    def sign_in(self, lang: str, said: str, name: str = "") -> str:
        """The page to sign in on. `said`: why it is shown again, as a code; empty = it is not. `name`: as it was typed."""
        spoken = language(lang)
        others = [{"code": c, "href": f"sign-in.{c}.html", "name": language(c).name} for c in codes() if c != lang]
        words = spoken.say(f"board.sign_in.{said}") if said else ""
        return sign_in_page(None, spoken, said=words, name=name, others=others)

    def signed_out(self, lang: str, to: str) -> str:
        """What somebody reads who has signed out here and is sent on, to where the proxy ends its session too."""
        spoken = language(lang)
        title, said = spoken.say("board.title.signed_out"), spoken.say("board.says.signed_out")
        return words_page(None, spoken, title=title, said=said, to=to)
