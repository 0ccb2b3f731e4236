"""The one script that every page shares: Plotly and the few lines that draw a page's figures."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources

from plotly.offline import get_plotlyjs


@lru_cache(maxsize=1)
def shared_script() -> tuple[str, str]:
    """File name and text of the script that the pages load, to be written beside them as UTF-8.

    The name carries a hash of the text, so that a page never runs with another version than it was made for.
    """
    drawing = resources.files("cmvmon.dashboards").joinpath("assets", "draw.js").read_text(encoding="utf-8")
    content = f"{get_plotlyjs()}\n{drawing}"
    return f"cmvmon-{hashlib.sha256(content.encode()).hexdigest()[:16]}.js", content
