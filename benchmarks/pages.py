"""What pages cost: `python -m benchmarks pages [--patients 500] [--years 5] [--no-browser]`.

Publishing a ward in both languages against Plotly's own `to_html` of one figure a patient, in the same run; bytes of a patient's
page; memory; what an unchanged night writes; and how soon a page can be read in Chromium whose processor is slowed four times.
It ends with 1, and says what, where a page is larger or slower to be read than it may be, or an unchanged night writes anything.
Seconds of the two that are compared are of the processor (of this process): other programs do not change their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.memory import begin_peak, peak_mib
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.publish import page_of, publish
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import held, open_site
from cmvmon.text import codes
from tests import sites
from tests.sites import day

LAST_DAY = 200  # of the results; a night of the future is not judged
EVERY_DAYS = 14  # between two results of a compartment, through all the years
SLOWDOWN = 4
SECONDS_TO_READ = 2.0
MOST_BYTES = 150_000
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"


def fill(root: Path, patients: int, years: float) -> float:
    """Drops results of so many patients, every fortnight in plasma, the last weeks weekly in BAL too; returns the last day."""
    first = LAST_DAY - round(years * 365.25)
    names = [f"SYNTHETIC-{n:04d}" for n in range(patients)]
    results = []
    for n, name in enumerate(names):
        days = range(first + n % EVERY_DAYS, LAST_DAY, EVERY_DAYS)
        loads = ("not detected" if (d // EVERY_DAYS + n) % 3 else f"{200 + 37 * n + d - first}" for d in days)
        results += [sites.result(name, d, load, specimen="plasma") for d, load in zip(days, loads, strict=True)]
        results += sites.falling(name, (0.3, 1.1, 1.6)[n % 3], range(LAST_DAY - 28, LAST_DAY, 7))
    sites.drop(root, "viral_load_results", results)
    sites.drop(root, "antiviral_courses", [sites.course(name, start=LAST_DAY - 28) for name in names])
    sites.drop(root, "icu_stays", [sites.stay(name, bed=f"S-{n}") for n, name in enumerate(names)])
    return LAST_DAY + 0.5


def cpu_seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor that a call takes, and what it gives."""
    begun = time.process_time()
    done = call()
    return time.process_time() - begun, done


def plotly_alone(figures: list[dict[str, Any]]) -> float:
    """Seconds that Plotly's own `to_html` takes of these figures, one a patient, without its script."""
    from plotly.graph_objects import Figure

    def pages() -> int:
        return sum(len(Figure(figure).to_html(include_plotlyjs=False, full_html=True)) for figure in figures)

    pages()  # validators are built at the first
    return cpu_seconds(pages)[0]


def figures_of(root: Path, patients: list[str]) -> list[dict[str, Any]]:
    """The figure of each patient, as her page in one language holds it."""
    found = []
    for name in patients:
        page = (root / "pages" / page_of(Site(root), name, codes()[0])).read_text(encoding="utf-8")
        text = page.partition('<script type="application/json"')[2].partition(">")[2].partition("</script>")[0]
        if text:
            found.append(json.loads(text))
    return found


def readable_after(address: str, slowdown: int) -> float:
    """Seconds until the text of a page stands, in Chromium that is slowed so many times: median of 5. The sentence and the tables
    are in the page itself; the figure is drawn after them."""
    import shutil

    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        return float("nan")
    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"])
        for _ in range(5):
            context = browser.new_context(viewport={"width": 800, "height": 1100})
            page = context.new_page()
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
            page.goto(address, wait_until="commit")
            page.wait_for_function(_PAINTED, timeout=60_000)
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
            seconds.append(float(page.evaluate(paint)))
            context.close()
        browser.close()
    return statistics.median(seconds)


def beyond(most_bytes: int, readable_s: dict[str, float], n_written: int) -> list[str]:
    """What lies beyond its reach, in words. `readable_s`: by page; a number that is none was not measured. `n_written`: files that a
    night in which nothing changed wrote."""
    told = []
    if most_bytes > MOST_BYTES:
        told.append(f"a patient's page has {most_bytes} bytes, more than {MOST_BYTES}")
    told += [
        f"the {name} can be read after {seen:.2f} s at {SLOWDOWN}x slower, more than {SECONDS_TO_READ:g}"
        for name, seen in readable_s.items()
        if seen > SECONDS_TO_READ
    ]
    if n_written:
        told.append(f"an unchanged night wrote {n_written} files")
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks pages", description="What pages cost.")
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--years", type=float, default=5)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "site"
        as_of = day(fill(root, options.patients, options.years))
        nightly(root, as_of=as_of)
        names = [f"SYNTHETIC-{n:04d}" for n in range(options.patients)]
        with held(Site(root)), open_site(root) as opened:
            assessment = assessed(opened, as_of=as_of)
            again, same = cpu_seconds(lambda: publish(opened, assessment, as_of=as_of))
            for path in opened.site.pages.iterdir():
                path.unlink()
            held_mib = begin_peak()
            seconds, done = cpu_seconds(lambda: publish(opened, assessment, as_of=as_of))
            most_mib = peak_mib()
        own = plotly_alone(figures_of(root, names))  # last: its figures take memory that publishing does not
        sizes = [
            (root / "pages" / page_of(Site(root), name, code)).stat().st_size for name in names for code in codes()
        ]
        print(f"{options.patients} patients, {options.years:g} years; seconds of the processor")
        print(f"  publishing all of it, both languages: {seconds:.2f} ({done.written / seconds:.0f} pages a second)")
        print(f"  Plotly's to_html, one figure a patient: {own:.2f}; ratio {seconds / own:.2f}")
        mine, theirs = (1000 * x / options.patients for x in (seconds, own))
        print(f"  one patient's two pages: {mine:.1f} ms, Plotly's one: {theirs:.1f} ms")
        print(f"  the same again: {again:.2f}; {same.rendered} pages rendered, {same.written} files written")
        print(
            f"  bytes of a patient's page: median {statistics.median(sizes):.0f}, at most {max(sizes)} of {MOST_BYTES}"
        )
        print(f"  memory: {held_mib:.0f} MiB held before publishing, at most {most_mib:.0f} while it ran")
        read = dict[str, float]()
        if not options.no_browser:
            for name in ("ward.nl.html", page_of(Site(root), names[0], "nl")):
                seen = readable_after((root / "pages" / name).as_uri(), SLOWDOWN)
                what = "ward page" if name.startswith("ward") else "patient's page"
                read[what] = seen
                print(f"  {what} readable at {SLOWDOWN}x slower: {seen:.2f} s of {SECONDS_TO_READ:g}")
    missed = beyond(max(sizes), read, same.written)
    print("".join(f"BEYOND ITS REACH: {one}\n" for one in missed) or "all within their reach")
    return int(bool(missed))
