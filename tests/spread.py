"""How tests are spread over processes: a file, or a group of files that share what is dear to prepare, goes to one of them.

By a scheduler of our own, for xdist's `loadgroup` finds no group: it writes them into node ids, and pytest 9.2 keeps these
elsewhere (`item._nodeid` is read by nobody). So each test was a group of its own, and every process prepared everything.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# Files that share what is dear to prepare run in one process (`make` spreads by group); each other file is its own group.
TOGETHER = {
    "deploy/test_bundle.py": "a bundle",
    "deploy/test_container.py": "a bundle",
    "docs/test_docs_site.py": "the site of the docs",
    "docs/test_docs_site_in_a_browser.py": "the site of the docs",
    "rules/test_rule_cases.py": "cases of the rules",
    "rules/test_what_alerts_say.py": "cases of the rules",
    "rules/test_every_rule.py": "cases of the rules",
    "rules/test_explaining.py": "cases of the rules",
    "rules/test_stricter_thresholds.py": "cases of the rules",
    "rules/test_together.py": "cases of the rules",
}
# What takes longest is begun first, so that no process is left alone with it at the end: groups and files, the dearest first.
BEGUN_FIRST = (
    "cases of the rules",
    "listen/test_live_demo.py",
    "cases/test_small_sites.py",
    "pages/test_board_in_a_browser.py",
    "run/test_backing_up.py",
    "examples/test_wheel.py",
    "cli/test_cli.py",
    "examples/test_extras.py",
    "board/test_in_a_browser.py",
    "pages/test_every_page_in_a_browser.py",
    "benchmarks/test_order.py",
    "workbench/test_demo_ward.py",
    "docs/test_readme.py",
    "run/test_histories.py",
    "run/test_alerts_over_nights.py",
    "run/test_faults.py",
    "shell/test_hl7_statuses.py",
    "contracts/test_agreement.py",
    "run/test_answering.py",
    "feeds/test_hl7_told.py",
    "year/test_year.py",
    "workbench/test_partitions.py",
    "reference/test_reference_wards.py",
    "a bundle",
)


def group_of(nodeid: str) -> str:
    """The group of a test's file, or the file, by the test's node id."""
    place = nodeid.partition("::")[0].removeprefix("tests/")
    return TOGETHER.get(place, place)


def turn(group: str) -> int:
    """By which groups and files are begun in their order."""
    return BEGUN_FIRST.index(group) if group in BEGUN_FIRST else len(BEGUN_FIRST)


class ByGroup(LoadScopeScheduling):
    """Sends a group of tests to one process, as they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
