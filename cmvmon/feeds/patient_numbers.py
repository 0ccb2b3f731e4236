"""How a feed writes patients' numbers (`[patient_ids]`): each is brought into the one form that everybody else uses.

Nothing is guessed: without that stanza a number is what was delivered, and one that does not fit it is set apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cmvmon.feeds.patient_ids import fold_id
from cmvmon.feeds.records import Fault, Record, Records
from cmvmon.feeds.shortened_numbers import is_shortened
from cmvmon.feeds.toml_reading import StrictTable

UNFIT = "patient_number_form"
"""The reason of a record whose patient's number is not in the declared form."""
ELFPROEF, MOD10 = "elfproef", "mod10"
_ELFPROEF_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_CAPITALS = {small: capital for capital, small in _SMALL.items()}


@dataclass(frozen=True)
class NumberForm:
    """What a feed's file says of patients' numbers. Blanks inside a number never count.

    Attributes:
        prefix: what is taken off where a number begins with it.
        remove: marks that are left out.
        capitals: letters count as capitals.
        digits: of how many digits a number is; 0 = not said.
        pad_zeros: a number of fewer digits gets its leading zeros back.
        check_digit: the rule that its last digit keeps; "" = none.
        authority: who gives these numbers; "" = not said, which is whoever gives the site's own.
        is_sites_own: whether that is who gives the site's own. Numbers of another authority bear its name, so that the same
            digits of two authorities are two patients.
    """

    prefix: str = ""
    remove: tuple[str, ...] = ()
    capitals: bool = False
    digits: int = 0
    pad_zeros: bool = False
    check_digit: str = ""
    authority: str = ""
    is_sites_own: bool = False

    def read(self, delivered: str) -> str | None:
        """The number in the form that everybody uses; None where it does not fit. What was read fits again.

        >>> form = NumberForm(prefix="ZIS", remove=("-",), digits=7, pad_zeros=True)
        >>> [form.read(text) for text in ("12345", "ZIS-001 2345", "0012345", "12345678", "A2345")]
        ['0012345', '0012345', '0012345', None, None]
        """
        named = f"{self.authority}:" if self.authority and not self.is_sites_own else ""
        number = delivered.strip().removeprefix(named)
        prefix = self.prefix
        if self.capitals:
            number, prefix = number.translate(_CAPITALS), prefix.translate(_CAPITALS)
        number = number.removeprefix(prefix)
        for mark in (" ", *self.remove):
            number = number.replace(mark, "")
        if self.digits or self.check_digit:
            if not (number.isascii() and number.isdigit()):
                return None
            number = number.zfill(self.digits) if self.pad_zeros else number
            if (self.digits and len(number) != self.digits) or not _is_checked(number, self.check_digit):
                return None
        return named + number if number else None

    def of(self, delivered: str, nobody: frozenset[str]) -> str | None:
        """As `read`; a cell that is empty, shortened or a placeholder stays, and is set apart for that."""
        if not delivered.strip() or fold_id(delivered) in nobody or is_shortened(delivered):
            return delivered
        return self.read(delivered)


def fold_number(number: str) -> str:
    """A number without blanks, leading zeros and capitals: two numbers that are alike then may be one patient.

    Letters beside A to Z stay as they are, so that every database folds alike.

    >>> [fold_number(number) for number in ("0012345", "12 345", "A12", "a12")]
    ['12345', '12345', 'a12', 'a12']
    """
    return number.replace(" ", "").lstrip("0").translate(_SMALL)


def in_one_form(
    records: Records, columns: Sequence[str], form: NumberForm, nobody: frozenset[str]
) -> tuple[Records, Mapping[int, Fault]]:
    """The records with the numbers in these columns in one form, and by number of a record the one that does not fit."""
    places = {name: records.header.index(name) for name in columns if name in records.header}
    told: list[Record] = []
    faults: dict[int, Fault] = {}
    for record in records.records:
        cells = list(record.cells)
        for name, place in places.items() if record.number not in records.faults else ():
            read = form.of(cells[place], nobody)
            if read is None:
                faults.setdefault(record.number, Fault(UNFIT, name))
            else:
                cells[place] = read
        told.append(record._replace(cells=tuple(cells)))
    return Records(records.header, tuple(told), records.faults, records.texts), faults


def read_number_form(top: StrictTable) -> NumberForm | None:
    """`[patient_ids]` of a feed's file; None where it has none."""
    table = top.table("patient_ids")
    prefix, remove = table.text("prefix", required=False) or "", table.texts("remove")
    capitals, pad = table.truth("capitals", required=False), table.truth("pad_zeros", required=False)
    digits = table.whole("digits", at_most=30)
    check_digit = table.choice("check_digit", (ELFPROEF, MOD10), required=False) or ""
    authority = table.text("authority", required=False) or ""
    table.finish()
    if prefix and prefix.strip().isdigit():
        table.fault("prefix", "holds digits only, so that a number may begin with it; give one with a letter or a mark")
    if authority and not is_authority(authority):
        table.fault("authority", "is a name of letters, digits, - and _, such as ZIS")
    if any(len(mark) != 1 or mark.isalnum() for mark in remove):
        table.fault("remove", "holds more than single marks such as - or .; letters and digits belong to a number")
    if pad and not digits:
        table.fault("pad_zeros", "stands without `digits`; say how many digits a number has")
    if check_digit == ELFPROEF and digits != len(_ELFPROEF_WEIGHTS):
        table.fault("check_digit", f"elfproef is of numbers of {len(_ELFPROEF_WEIGHTS)} digits; give `digits = 9`")
    stated = NumberForm(prefix.strip(), remove, capitals, digits, pad, check_digit, authority)
    return stated if "patient_ids" in top.data else None


def is_authority(text: str) -> bool:
    """Whether that can name who gives out patients' numbers: it stands before a number, and a colon between them."""
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def with_sites_own(form: NumberForm | None, authority: str) -> NumberForm | None:
    """The form at a site whose own numbers are given by that authority ("" = the site does not say)."""
    if form is None or not form.authority:
        return form
    return replace(form, is_sites_own=form.authority == authority)


def _is_checked(number: str, rule: str) -> bool:
    """Whether a number of digits keeps the rule of its last digit.

    >>> [_is_checked(number, ELFPROEF) for number in ("111222333", "111222334")]
    [True, False]
    >>> [_is_checked(number, MOD10) for number in ("79927398713", "79927398710")]
    [True, False]
    """
    figures = [int(figure) for figure in number]
    if rule == ELFPROEF:
        return sum(w * d for w, d in zip(_ELFPROEF_WEIGHTS, figures, strict=True)) % 11 == 0
    if rule == MOD10:
        doubled = [figure * 2 for figure in figures[-2::-2]]
        return (sum(figures[-1::-2]) + sum(figure - 9 if figure > 9 else figure for figure in doubled)) % 10 == 0
    return True
