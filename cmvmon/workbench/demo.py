"""The demo: one synthetic ward dropped into a site of its own. What follows is the ordinary night."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path

import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.shell.files import write_atomically
from cmvmon.shell.site import Site
from cmvmon.simulate import START, ward
from cmvmon.workbench.examples import actg315_decline
from cmvmon.workbench.simulation import SYNTHETIC, delivered_texts, synthetic_laboratory

PATIENTS, DAYS, SEED = 24, 42, 2024
AS_OF = START + timedelta(days=DAYS)
_SETTINGS = "# A demo's site: everything in it is synthetic.\ndemo = true\nfile_settles_s = 0\n"


def prepare_demo(root: Path) -> datetime:
    """Drops the synthetic ward into the site at `root` and returns the moment that the demo judges.

    Raises SiteError when the site holds anything that is not a demo's: synthetic patients never join real ones.
    """
    site = Site(root)
    if site.root.exists() and any(site.root.iterdir()) and not site.settings().is_demo:
        raise SiteError("this site is not a demo's; run the demo on an empty one: cmvmon demo --site ./demo-site")
    site.prepare()
    if not site.settings().is_demo:
        write_atomically(site.root / "settings.toml", _SETTINGS.encode())
    texts = delivered_texts(ward(PATIENTS, DAYS, SEED), synthetic_laboratory(root))
    for table, text in texts.items():
        write_atomically(site.drop / SYNTHETIC / table / f"synthetic_{table}.csv", text.encode())
    return AS_OF


def real_example() -> tuple[pl.DataFrame, list[str]]:
    """The ACTG315 series (HIV-1 RNA, real, public) through `fit_line`, and what stands out in the file."""
    series = resources.files("cmvmon").joinpath("examples", "actg315", "actg315_hiv_decay.csv")
    return actg315_decline(series.read_text(encoding="utf-8"))
