"""What the pages about the site are made from: the data, the unit, the method. `cmvmon.run` fills these; a page adds words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from cmvmon.dashboards.under_protocol import UnderProtocol
from cmvmon.dashboards.views import SwitchedOff
from cmvmon.domain.moved_together import MovedTogether
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.protocol import Protocol
from cmvmon.protocol.differences import Difference
from cmvmon.protocol.numbers import Written
from cmvmon.unit.numbers import UnitNumbers


@dataclass(frozen=True)
class SiteView(UnderProtocol):
    """What every page about the site shares.

    Attributes:
        as_of: the moment that is judged. Everything else was known then.
        hrefs: this page by language code, itself included.
    """

    as_of: datetime
    time_zone: str
    protocol: Protocol
    code_version: str
    is_synthetic: bool
    hrefs: Mapping[str, str]
    switched_off: tuple[SwitchedOff, ...] = ()
    stale_after_hours: int | None = None
    waits: WaitingPolicy | None = None


@dataclass(frozen=True)
class Feed:
    """One table of one feed. `state`: fresh, silent, never, refused (the newest delivery, `code` says why) or unpromised.

    Of its deliveries, each by its last judging: received = accepted + quarantined + duplicates + ignored. `n_deliveries` and
    `n_refused`: of the last days (`DataView.deliveries_days`). `clock_ahead_s`: by how
    much the feed's clock runs ahead; None = it does not. `statuses_differ`: results of the last day that are used as less than they
    say, by the status of their order. `is_by_default`: nobody agreed on `expected_every_h`, it is the package's.
    """

    feed: str
    table: str
    state: str
    code: str | None
    last_at: datetime | None
    expected_every_h: float | None
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    ignored: int
    n_deliveries: int
    n_refused: int
    clock_ahead_s: float | None = None
    statuses_differ: int = 0
    is_by_default: bool = False

    @property
    def difference(self) -> int:
        """What the counts leave unexplained: 0, or records are lost."""
        return self.received - self.accepted - self.quarantined - self.duplicates - self.ignored


@dataclass(frozen=True)
class Waiting:
    """Records that wait for one reason in one table of a feed: no patient, no cell. `oldest`: when the first of them came."""

    feed: str
    table: str
    reason: str
    remedy: str
    owner: str
    n: int
    oldest: datetime


@dataclass(frozen=True)
class NewWord:
    """A code, unit or other word that no file of the site names: as it came, or its shape where it may be a patient's."""

    feed: str
    column: str
    sample: str
    n: int


@dataclass(frozen=True)
class Rewritten:
    """Results that came in as something else in the last days. `n_answered`: of these, those of which an alert had been
    acknowledged or read back by somebody; None = not recorded (a correction). `n_viewers`: people to whom the board had shown
    something of the patient between their arrival and that; None = no board was ever used."""

    fate: str
    n: int
    n_answered: int | None
    n_viewers: int | None = None


@dataclass(frozen=True)
class NightDone:
    """One local day: `done` (every promise kept), `stopped` (`code` says why) or `not_run`."""

    day: date
    state: str
    code: str | None = None


@dataclass(frozen=True)
class Backup:
    """`state`: made, never or not_told. `is_old`: made, and longer ago than the site's check-up lets pass."""

    state: str
    at: datetime | None = None
    is_old: bool = False


@dataclass(frozen=True)
class DataView(SiteView):
    """What the data team and the laboratory look at: counts, codes and moments. `n_reasons_not_listed`: courses of which the reason of
    stopping was delivered in a word that no file names. `n_in_two_beds`: patients of merged numbers with open stays in two beds."""

    feeds: tuple[Feed, ...] = ()
    in_doubt: tuple[MovedTogether, ...] = ()  # laboratories whose results moved together
    n_in_two_beds: int = 0
    waiting: tuple[Waiting, ...] = ()
    n_deliveries_standing: int = 0
    n_never_taken_in: int = 0
    apart: Mapping[str, int] = field(default_factory=dict)
    new_words: tuple[NewWord, ...] = ()
    n_reasons_not_listed: int = 0
    rewritten: tuple[Rewritten, ...] = ()
    rewritten_days: int = 0
    deliveries_days: int = 0
    nights: tuple[NightDone, ...] = ()
    backup: Backup = field(default_factory=lambda: Backup("never"))
    schema_version: str = ""
    python_version: str = ""
    protocol_hash: str = ""
    laboratory_files: tuple[tuple[str, str], ...] = ()  # name, hash
    table_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnitView(SiteView):
    """CMV on the unit over time. `numbers`: None where nothing could be judged."""

    numbers: UnitNumbers | None = None


@dataclass(frozen=True)
class RuleView:
    """One rule: its numbers as the protocol writes them, and its stanza's source, strength, owner and statements of the guide."""

    code: str
    tiers: tuple[int, ...]
    is_state: bool
    numbers: tuple[Written, ...]
    source: str
    strength: str
    owner: str
    guide: tuple[str, ...]


@dataclass(frozen=True)
class JudgedBy:
    """Since when a protocol label judged here."""

    label: str
    since: datetime


@dataclass(frozen=True)
class MethodView(SiteView):
    """What is watched and by which numbers. `earlier`: the label of the former file that `differences` are held against."""

    rules: tuple[RuleView, ...] = ()
    drugs: tuple[tuple[str, str], ...] = ()  # name, use
    order_guide: tuple[str, ...] = ()
    context: tuple[tuple[str, str, float | None], ...] = ()  # key, statement, number
    judged_by: tuple[JudgedBy, ...] = ()
    earlier: str | None = None
    earlier_fault: str | None = None
    differences: tuple[Difference, ...] = ()
