"""Docstrings for the site's page on Python: what they show as `>>>` is shown as a session, wherever in the text it stands."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SESSION = re.compile(r"^>>> .*(?:\n(?![ \t]*$).*)*", re.M)


class Sessions(griffe.Extension):
    """Puts a fence around each example of a docstring."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            # Already without the indentation of the code: griffe cleans it.
            obj.docstring.value = _SESSION.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)
