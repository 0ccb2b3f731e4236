"""How the curves of a compartment come about: which pieces a series has, when they begin, and the other families."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cmvmon.simulate.curves import Curves, highest_load_log10
from cmvmon.simulate.draws import Draws, Numbers
from cmvmon.simulate.families import Gridded, TargetCells, indirect_response, target_cell_trajectory
from cmvmon.simulate.hosts import (
    KOLOSKOFF,
    NON_RESPONDER,
    PIECEWISE,
    REBOUND,
    RESPONDER,
    SLOW,
    STOPPED,
    SWITCHED,
    TARGET_CELL,
    Codes,
    Flags,
    Host,
    decline_of,
    loosely,
)

_CLASS_DAY = 14.0  # the class of a family's series is read from its mean fall to this day


def curves(draws: Draws, host: Host, compartment: str) -> Curves:
    """The true loads of every patient in `compartment` (plasma or bal)."""
    response = host.response[compartment]
    mean, sd = draws.assumed(f"{compartment}_at_anchor_mean"), draws.assumed(f"{compartment}_at_anchor_sd")
    at_anchor = np.minimum(mean + sd * loosely(draws, "load", compartment), highest_load_log10())
    growing = _own(draws, host, compartment, "growing") < draws.assumed("share_growing_at_anchor")
    starts, declines = _pieces(draws, host, compartment, at_anchor)
    made = Curves(
        response=response,
        at_anchor_log10=at_anchor,
        growth_log10_per_week=np.where(growing, host.growth_log10_per_week[compartment], 0.0),
        starts=starts,
        declines=declines,
    )
    return made if (host.family == PIECEWISE).all() else _with_families(draws, host, compartment, made)


def _own(draws: Draws, host: Host, compartment: str, quantity: str) -> Numbers:
    """Even numbers that the compartments share, unless plasma goes on its own."""
    shared = draws.uniform(quantity)
    if compartment == "bal" or not host.plasma_on_its_own.any():
        return shared
    return np.where(host.plasma_on_its_own, draws.uniform(f"{quantity}_plasma"), shared)


def _between(draws: Draws, name: str, uniform: Numbers, ends: tuple[str, str] = ("earliest", "latest")) -> Numbers:
    low, high = (draws.assumed(f"{name}_{end}") for end in ends)
    return np.asarray(low + (high - low) * uniform)


def _pieces(draws: Draws, host: Host, compartment: str, at_anchor: Numbers) -> tuple[Numbers, Numbers]:
    """Starts and declines of all pieces, in their order."""
    response, changed = host.response[compartment], host.drug_changed_days
    resistant = (response == NON_RESPONDER) & draws.happens(
        f"resistant_{compartment}", draws.assumed("share_resistant")
    )
    answer = _answer(draws, host, compartment, resistant, at_anchor)
    early = (response != NON_RESPONDER) & ~host.is_spontaneous & _rises_early(draws, compartment)
    early_end = _between(draws, "early_rise", _own(draws, host, compartment, "early_length"), ("shortest", "longest"))
    regrowth = -draws.assumed("growth_under_drug") * host.growth_log10_per_week[compartment]
    falling = ((response == RESPONDER) | (response == SLOW)) & ~host.is_spontaneous
    two = draws.happens(f"two_changes_{compartment}", draws.assumed("share_two_changes"))
    two &= falling | (response == REBOUND)
    second = np.where(early, np.minimum(early_end, changed), 0.0)
    late = np.minimum(_late_from(draws, host, compartment, (response == REBOUND) | two, resistant), changed)
    again = np.where(two, np.minimum(late + _between(draws, "second_change", draws.uniform(
        f"second_change_{compartment}")), changed), changed)  # fmt: skip
    hump, after, shallower = _middle(draws, compartment, falling, response, second, late)
    starts = [np.zeros_like(at_anchor), second, hump, after, late, again, changed]
    declines = [
        np.where(early, regrowth, answer),
        answer,
        regrowth,
        np.where(shallower, draws.assumed("decline_after_bend") * answer, answer),
        np.where(two & falling, 0.0, regrowth),
        answer,
        _after_change(draws, host, compartment, answer),
    ]
    apart = host.family != PIECEWISE
    if apart.any():
        starts = [np.where(apart, 0.0 if k < 2 else np.inf, piece) for k, piece in enumerate(starts)]
        declines = [np.where(apart, 0.0, piece) for piece in declines]
    return np.column_stack(starts), np.column_stack(declines)


def _middle(
    draws: Draws, compartment: str, falling: Flags, response: Codes, second: Numbers, late: Numbers
) -> tuple[Numbers, Numbers, Flags]:
    """Start of the hump, start of what follows it (or of the shallower fall), and whether that is shallower."""
    humped = falling & draws.happens(f"hump_{compartment}", draws.assumed("share_hump"))
    bent = (response == RESPONDER) & falling & draws.happens(f"biphasic_{compartment}", draws.assumed("share_biphasic"))
    if not (humped.any() or bent.any()):
        return late, late, bent
    begins = np.maximum(_between(draws, "hump", draws.uniform(f"hump_from_{compartment}")), second)
    lasts = _between(draws, "hump", draws.uniform(f"hump_length_{compartment}"), ("shortest", "longest"))
    bend = second + _between(draws, "bend", draws.uniform(f"bend_{compartment}"))
    after = np.select([humped, bent], [begins + lasts, bend], np.inf)
    # Without a hump its piece starts where the next one does.
    hump = np.where(humped, begins, after)
    return np.minimum(hump, late), np.minimum(after, late), bent


def _rises_early(draws: Draws, compartment: str) -> Flags:
    share = draws.assumed("share_early_rise")
    bal = draws.happens("early_bal", share)
    if compartment == "bal":
        return bal
    shared = draws.happens("early_shared", draws.assumed("plasma_shares_early_rise"))
    return np.where(shared, bal, draws.happens("early_plasma", share))


def _answer(draws: Draws, host: Host, compartment: str, resistant: Flags, at_anchor: Numbers) -> Numbers:
    """Decline under the first drug, after an early rise and before a late one."""
    response = host.response[compartment]
    spread = np.exp(draws.assumed("half_life_log_sd") * loosely(draws, "half_life", compartment))
    unmoved = draws.normal(f"non_responder_{compartment}") * draws.assumed("non_responder_decline_sd")
    answer = np.select(
        [resistant, response == NON_RESPONDER, response == SLOW],
        [
            np.full_like(spread, decline_of(draws.assumed("resistant_half_life"))),
            draws.assumed("non_responder_decline_mean") + unmoved,
            decline_of(draws.assumed("slow_half_life_median") * spread),
        ],
        decline_of(draws.assumed("fast_half_life_median") * spread),
    )
    if not host.is_spontaneous.any():
        return answer
    gap = np.maximum(
        at_anchor - np.log10(draws.assumed(f"{compartment}_lloq")), draws.assumed("spontaneous_lowest_gap")
    )
    cleared = draws.assumed("spontaneous_clearance_median") * np.exp(
        draws.assumed("spontaneous_clearance_log_sd") * draws.normal("spontaneous_clearance")
    )
    return np.where(host.is_spontaneous, 7.0 * gap / cleared, answer)


def _late_from(draws: Draws, host: Host, compartment: str, changes_late: Flags, resistant: Flags) -> Numbers:
    moment = _own(draws, host, compartment, "rise_from")
    return np.select(
        [changes_late, resistant],
        [_between(draws, "rebound", moment), _between(draws, "resistant_rise", moment)],
        np.inf,
    )


def _after_change(draws: Draws, host: Host, compartment: str, answer: Numbers) -> Numbers:
    """Decline after a change of drug: untreated growth after a stop; a new fall where the first drug failed."""
    spread = np.exp(draws.assumed("half_life_log_sd") * loosely(draws, "after_switch", compartment))
    renewed = decline_of(draws.assumed("half_life_after_switch_median") * spread)
    response = host.response[compartment]
    failing = (response == NON_RESPONDER) | (response == REBOUND)
    return np.select(
        [(host.drug_change == STOPPED) & ~host.is_spontaneous, (host.drug_change == SWITCHED) & failing],
        [-host.growth_log10_per_week[compartment], renewed],
        answer,
    )


def _with_families(draws: Draws, host: Host, compartment: str, made: Curves) -> Curves:
    """The curves, with the patients of the two other families on their grids and named by what their loads do."""
    at_anchor, growth = made.at_anchor_log10.copy(), made.growth_log10_per_week.copy()
    parts: list[tuple[Codes, Numbers]] = []
    for family, build in ((KOLOSKOFF, _koloskoff), (TARGET_CELL, _target_cell)):
        members = np.flatnonzero(host.family == family)
        if members.size:
            at_anchor[members], growth[members], log10 = build(draws, host, compartment, made, members)
            parts.append((members, log10))
    patients = np.concatenate([members for members, _ in parts])
    bounds = draws.assumed("lowest_load_of_families"), highest_load_log10()
    gridded = Gridded(patients, np.clip(np.concatenate([rows for _, rows in parts]), *bounds))
    placed = replace(made, at_anchor_log10=at_anchor, growth_log10_per_week=growth, gridded=gridded)
    fall = placed.mean_decline(_CLASS_DAY)[patients]
    named = np.select(
        [
            np.isfinite(gridded.rising_from_days(draws.assumed("family_rise_smallest"))),
            fall >= decline_of(draws.assumed("responder_half_life_longest")),
            fall >= decline_of(draws.assumed("slow_half_life_longest")),
        ],
        [REBOUND, RESPONDER, SLOW],
        NON_RESPONDER,
    )
    response = made.response.copy()
    response[patients] = named
    return replace(placed, response=response)


def _koloskoff(
    draws: Draws, host: Host, compartment: str, made: Curves, members: Codes
) -> tuple[Numbers, Numbers, Numbers]:
    """Load at the anchor, growth before it, and the grid; the load at the anchor spreads as that of the ward does."""
    centre = draws.assumed("koloskoff_at_anchor") - draws.assumed("plasma_at_anchor_mean")
    at_anchor = np.minimum(made.at_anchor_log10 + centre, highest_load_log10())[members]
    kin = draws.assumed("koloskoff_kin")
    kout = draws.assumed("koloskoff_kout") * np.exp(
        draws.assumed("koloskoff_kout_log_sd") * loosely(draws, "kout", compartment)[members]
    )
    half = draws.assumed("koloskoff_ec50") * np.exp(
        draws.assumed("koloskoff_ec50_log_sd") * loosely(draws, "half_life", compartment)[members]
    )
    auc = draws.assumed("koloskoff_auc") * np.exp(
        draws.assumed("koloskoff_auc_log_sd") * draws.normal("exposure")[members]
    )
    effect = draws.assumed("koloskoff_emax") * auc / (half + auc)
    growth = 7.0 * 24.0 * (kin - kout * at_anchor)
    return at_anchor, growth, indirect_response(at_anchor, kin_per_hour=kin, kout_per_hour=kout, drug_effect=effect)


def _target_cell(
    draws: Draws, host: Host, compartment: str, made: Curves, members: Codes
) -> tuple[Numbers, Numbers, Numbers]:
    """Load at the anchor, growth before it, and the grid. A load that grows does so with cells to spare; one that
    stands still has used them up as fast as they renew."""
    clearance, reproduction = draws.assumed("target_cell_virion_clearance"), draws.assumed("target_cell_reproduction")
    at_anchor = made.at_anchor_log10[members]
    loss = host.growth_log10_per_week[compartment][members] * np.log(10.0) / 7.0  # half-life = doubling time
    total = clearance + loss
    # Growth with cells to spare: the positive root of (r + clearance)(r + loss) = reproduction loss clearance.
    rate = (np.sqrt(total**2 + 4.0 * clearance * loss * (reproduction - 1.0)) - total) / 2.0
    growing = made.growth_log10_per_week[members] > 0.0
    iv_wild = (
        draws.assumed("efficacy_wild_iv") + draws.assumed("efficacy_wild_iv_sd") * draws.normal("efficacy")[members]
    )
    oral = draws.happens("oral", draws.assumed("share_oral"))[members]
    resistant = draws.happens("target_cell_resistant", draws.assumed("share_target_cell_resistant"))[members]
    wild = np.where(oral, draws.assumed("efficacy_wild_oral"), np.clip(iv_wild, 0.0, 1.0))
    later = np.where(oral, draws.assumed("efficacy_resistant_oral"), draws.assumed("efficacy_resistant_iv"))
    limit = 10.0 ** (draws.assumed("target_cell_half_infected_at") - at_anchor)
    cells = TargetCells(
        infected_loss=loss,
        half_infected=np.where(growing, limit, 1.0 / (reproduction - 1.0)),  # at rest: 1 - T = T V / half, T = 1 / R
        susceptible=np.where(growing, 1.0 / (1.0 + 1.0 / limit), 1.0 / reproduction),
        infected=np.where(growing, 1.0 + rate / clearance, 1.0),
        efficacy=wild,
        efficacy_later=np.where(resistant, later, wild),
        later_from_days=_between(draws, "resistant_rise", _own(draws, host, compartment, "rise_from"))[members],
    )
    trajectory = target_cell_trajectory(
        cells,
        clearance_per_day=clearance,
        reproduction=reproduction,
        renewal_per_day=draws.assumed("target_cell_renewal"),
    )
    growth = np.where(growing, rate * 7.0 / np.log(10.0), 0.0)
    return at_anchor, growth, at_anchor[:, None] + trajectory
