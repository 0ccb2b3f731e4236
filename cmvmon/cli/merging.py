"""The command that merges one patient's number into another, ends such a merge, and lists them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, app, moment_of
from cmvmon.domain.errors import SiteError

_COLUMNS = ("number", "merged_into", "says", "state", "goes_on_as", "merged_at", "ended_at", "source", "received_at")


def not_used_words(merges: Mapping[str, int]) -> str:
    """How many merges are not used, by why (cmvmon.domain.patient_links.NOT_USED), in words."""
    from cmvmon.text import language

    said = "; ".join(f"{n}: {language('en').word('link', why)}" for why, n in sorted(merges.items()))
    n = sum(merges.values())
    what = "merge of numbers should hold and is" if n == 1 else "merges of numbers should hold and are"
    return f"{n} {what} not used (`cmvmon merge --list`). {said}"


@app.command()
def merge(
    old: Annotated[str | None, typer.Argument(metavar="OLD", help="The number that was merged away.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="NEW", help="The number that the patient goes on under.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="From when, ISO 8601.")] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", help="Until when: ends a merge. All is as it was before it; an answer may be asked for again."
        ),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who says so; without it, the user of this computer.")] = None,
    are_compared: Annotated[
        bool,
        typer.Option(
            "--birth-dates-compared", help="The dates of birth differ, were compared, and the two are one all the same."
        ),
    ] = False,
    every: Annotated[bool, typer.Option("--list", help="Lists the merges instead.")] = False,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Merges a patient's number into another, or ends that (--until); --list shows what was merged."""
    from cmvmon.run.answers.who_says import who_says
    from cmvmon.run.daytime import merging

    if every:
        rows = merging.listed_links(site)
        print(json.dumps(rows, sort_keys=True, indent=2) if as_json else printing.table(rows, _COLUMNS, "no merges"))
        return
    if old is not None and new is not None and until is not None and at is None:
        raise SiteError(
            "to end a merge give --at too, as `cmvmon merge --list` prints it (merged_at): `cmvmon merge OLD NEW --at T --until T2`"
        )
    if old is None or new is None or at is None:
        raise SiteError("name both numbers and from when: `cmvmon merge OLD NEW --at 2026-11-22T05:30:00+01:00`")
    beds = merging.lie_in_two_beds(site, old, new) if until is None else None
    is_new_known = merging.is_known(site, new)
    unused_before = merging.not_used(site)
    fed = merging.merge(
        site,
        old,
        new,
        at=moment_of(at, site),
        until=None if until is None else moment_of(until, site),
        by=who_says(by),
        are_compared=are_compared,
    )
    if as_json:
        print(json.dumps([printing.counted_json(counted) for counted in fed.taken_in], sort_keys=True, indent=2))
        return
    if until is None and (unknown := merging.without_birth_date(site, old, new)):
        print(f"NOTE     no date of birth is known of {unknown}: that the two are one was not checked by it")
    if until is None and not is_new_known:
        print(
            "NOTE     nothing is known of NEW: the patient goes on under a number that no feed has sent. Check it; --until ends it"
        )
    if (unused := merging.not_used(site)) != unused_before and unused:
        print(f"NOT USED {not_used_words(unused)}")
    elif beds is not None:
        said = f"NOTE     both lie in a bed, OLD in {beds[0]} and NEW in {beds[1]}, and are one patient from now on"
        print(
            printing.visible(
                f"{said}: a stay was not ended, or these are two persons. Look who lies there; --until ends it"
            )
        )
    for counted in fed.taken_in:
        print(f"take in  {counted.feed}/{counted.table}: {printing.counted_words(counted)}")
    if fed.assessed is not None and fed.published is not None:
        print(f"assess   as of {fed.assessed.as_of.isoformat()}: {printing.assessed_words(fed.assessed)}")
        print(f"publish  {printing.published_words(fed.published)}")
