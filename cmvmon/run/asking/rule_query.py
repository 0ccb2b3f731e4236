"""Where a rule stands: each of its numbers with file and stanza, its logic, its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.protocol.numbers import written
from cmvmon.rules import Rule, all_rules, leaflet_of
from cmvmon.shell.alerts import rule_switches
from cmvmon.shell.folder.in_force import judging, place_of
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import open_store
from cmvmon.text import codes, language


def listed_rules(root: Path, *, lang: str | None) -> list[dict[str, Any]]:
    """Every rule: code, title, kind of subject, tiers, strength and owner of its stanza, and where it is switched off
    (`disabled`: since when, by whom and why; empty where it is on)."""
    site = Site(root)
    off = _switched_off(site)
    protocol, spoken = site.protocol(), language(lang or site.settings().language)
    return [
        {
            "rule": rule.code,
            "title": spoken.say(f"rule.{rule.code}"),
            "subject": rule.subject,
            "tiers": " or ".join(map(str, rule.tier)) or "state",
            "strength": protocol.rules[rule.code].provenance.strength,
            "owner": protocol.rules[rule.code].provenance.owner,
            "disabled": off.get(rule.code, ""),
        }
        for rule in all_rules()
    ]


def _switched_off(site: Site) -> dict[str, str]:
    """What is said of each rule that the site has switched off; nothing where there is no store yet."""
    url = site.settings().database
    if not database.exists(url):
        return {}
    with open_store(url) as store, store.reading() as connection:
        rows = rule_switches.disabled(connection)
    return {row["rule"]: f"since {row['changed_at']:%Y-%m-%d} by {row['actor']}: {row['why']}" for row in rows}


def shown_rule(root: Path, code: str) -> dict[str, Any]:
    """One rule: its leaflet, and where to change what. Raises SiteError where there is no such rule."""
    rule = rule_of(code)
    return {"rule": code, "leaflet": leaflet_of(rule, Site(root).protocol())} | where(Site(root), rule)


def rule_of(code: str) -> Rule:
    """The rule of that code. Raises SiteError where there is none."""
    for rule in all_rules():
        if rule.code == code:
            return rule
    known = ", ".join(rule.code for rule in all_rules())
    raise SiteError(f"there is no rule {code!r}; the rules are {known}")


def where(site: Site, rule: Rule) -> dict[str, Any]:
    """`numbers` (file, stanza, key, value, unit, source, strength, owner), and the files of logic, words and cases."""
    found = judging(site)
    protocol, file = found.protocol, place_of(site, found)
    numbers = [
        {"file": file} | vars(one) for name in sorted(rule.numbers) for one in written(protocol, rule.code, name)
    ]
    return {
        "numbers": sorted(numbers, key=lambda n: (n["stanza"] != f"rules.{rule.code}", n["stanza"], n["key"])),
        "logic": f"cmvmon/rules/{rule.code}.py",
        "words": [f"cmvmon/text/{code}/rules/{rule.code}.toml" for code in codes()],
    }
