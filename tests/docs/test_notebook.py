"""The code of docs/notebook.md runs in order and prints what the page shows under it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "notebook.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.S)


def test_every_block_of_the_notebook_prints_what_stands_below_it() -> None:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) > 5
    names: dict[str, object] = {}
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/notebook.md", "exec"), names)
        assert printed.getvalue() == shown, code
        assert bool(shown) == ("print(" in code)
