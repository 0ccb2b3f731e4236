"""Result strings with what they say, made from a number and a way to print it: the label is known before the text is.

Rules of this file:
- No label is asked of the grammar under test: a number is chosen as digits, its text is written from them, its meaning is theirs.
- A string that says no load that could be used has the label REFUSE: reading any load out of it is wrong.
- Ways to print and words are those of ../shared/codes.md 1 and faults.md B5, and neighbours of these. All strings are made up.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from cmvmon.domain import words

REFUSE = "refuse"
QUANTIFIED, BELOW, ABOVE, NONE = words.QUANTIFIED, words.BELOW_LLOQ, words.ABOVE_ULOQ, words.NOT_DETECTED


@dataclass(frozen=True)
class Sender:
    """How one of the grammars of the tests prints, as its file declares it.

    Attributes:
        iu, log, copies, log_copies: a unit as delivered; empty = it has none.
        kilo: a unit of a thousand IU/mL.
    """

    name: str
    decimal: str
    thousands: str
    iu: str
    log: str
    not_detected: tuple[str, ...]
    detected: tuple[str, ...]
    less_than: str = BELOW
    copies: str = ""
    log_copies: str = ""
    kilo: str = ""


DUTCH = Sender(
    "nl", ",", ".", "IE/ml", "log IE/ml", ("niet aantoonbaar", "neg", "negatief"), ("aantoonbaar", "positief", "pos"),
    copies="kopieën/ml", log_copies="log kopieën/ml", kilo="kIE/ml",
)  # fmt: skip
AMERICAN = Sender(
    "us", ".", ",", "IU/mL", "log IU/mL", ("Undetected", "Not Detected", "Target Not Detected"), ("Detected", "Positive", "POS")
)  # fmt: skip
COPIES = Sender(
    "copies", ".", ",", "IU/mL", "log IU/mL", AMERICAN.not_detected, AMERICAN.detected, less_than=NONE,
    copies="copies/ml", log_copies="log copies/ml",
)  # fmt: skip
SENDERS = (DUTCH, AMERICAN, COPIES)


@dataclass(frozen=True)
class Labelled:
    """One string.

    Attributes:
        kind: how it was made.
        unit: the cell of the unit beside it; None = the feed has none.
        detection: what it says, or REFUSE.
        linear: the number or limit that it says, per mL of its quantity; None where it says none.
        quantity: `iu` or `copies`.
    """

    sender: str
    kind: str
    text: str
    unit: str | None
    detection: str
    linear: float | None = None
    quantity: str = "iu"


class Maker:
    """Makes strings of one sender, from one seed."""

    def __init__(self, sender: Sender, seed: int) -> None:
        self.sender, self.chance = sender, random.Random(f"{sender.name} {seed}")

    # --- numbers, as digits

    def whole(self, least: int = 30, most: int = 10_000_000) -> int:
        """A whole number, of any size alike often."""
        return int(10 ** self.chance.uniform(math.log10(least), math.log10(most)))

    def printed(self, number: int | Decimal) -> str:
        """Its digits in the sender's marks, with thousands or without."""
        whole, _, fraction = str(number).partition(".")
        if self.chance.random() < 0.5 and len(whole) > 3:
            first = len(whole) % 3 or 3
            whole = self.sender.thousands.join(
                [whole[:first], *(whole[n : n + 3] for n in range(first, len(whole), 3))]
            )
        return whole + (self.sender.decimal + fraction if fraction else "")

    def sign(self, which: str) -> str:
        spelled = {
            "<": ("<", "< ", "&lt;", "&LT; ", "<^", "less than ", "Less than "),
            ">": (">", "> ", "&gt;", ">^", "greater than "),
        }
        return self.chance.choice(spelled[which])

    def said(self, comparator: str) -> str:
        return {"": QUANTIFIED, "<": self.sender.less_than, ">": ABOVE}[comparator]

    def of(
        self, kind: str, text: str, unit: str | None, detection: str, linear: float | None, quantity: str = "iu"
    ) -> Labelled:
        return Labelled(self.sender.name, kind, text, unit, detection, linear, quantity)

    def refuse(self, kind: str, text: str, unit: str | None = None) -> Labelled:
        return Labelled(self.sender.name, kind, text, unit, REFUSE)

    def placed(self, number: str, unit: str) -> tuple[str, str | None]:
        """The number with its unit behind it, in a cell of its own, or in both."""
        return self.chance.choice(
            [
                (f"{number} {unit}", None),
                (number, unit),
                (f"{number} {unit}", unit),
                (f"{number}  {unit.upper()} ", unit),
            ]
        )

    # --- what can be read

    def load(self) -> Labelled:
        number = self.whole()
        text, unit = self.placed(self.printed(number), self.sender.iu)
        return self.of("a load", text, unit, QUANTIFIED, number)

    def fraction(self) -> Labelled:
        number = Decimal(self.whole(300, 99_999)) / 10
        text, unit = self.placed(self.printed(number), self.sender.iu)
        return self.of("a load with decimals", text, unit, QUANTIFIED, float(number))

    def limit(self) -> Labelled:
        which = self.chance.choice("<>")
        number = self.whole(30, 500) if which == "<" else self.whole(1_000_000, 10_000_000)
        text, unit = self.placed(self.sign(which) + self.printed(number), self.sender.iu)
        return self.of("a comparator", text, unit, self.said(which), number)

    def power(self) -> Labelled:
        power = self.chance.randint(2, 7)
        tenths = self.chance.randint(10, 99)
        times = f"{tenths // 10}{self.sender.decimal}{tenths % 10}"
        forms = (
            (f"{times}E{power}", tenths / 10), (f"{times}e+0{power}", tenths / 10), (f"1E{power}", 1), (f"10^{power}", 1),
            (f"{times} x 10^{power}", tenths / 10), (f"{times}*10^{power}", tenths / 10),
        )  # fmt: skip
        text, mantissa = self.chance.choice(forms)
        which = self.chance.choice(("", "", "<", ">"))
        text, unit = self.placed(which + text, self.sender.iu)
        return self.of("an exponent", text, unit, self.said(which), mantissa * 10**power)

    def log(self) -> Labelled:
        hundredths = self.chance.randint(150, 780)
        which = self.chance.choice(("", "", "<", ">"))
        text, unit = self.placed(which + self.printed(Decimal(hundredths) / 100), self.sender.log)
        return self.of("a log10", text, unit, self.said(which), 10 ** (hundredths / 100))

    def kilo(self) -> Labelled:
        number = self.whole(1, 900)
        if not self.sender.kilo:
            return self.refuse("a unit that is not declared", f"{number} kIU/mL")
        text, unit = self.placed(self.printed(number), self.sender.kilo)
        return self.of("thousands of IU", text, unit, QUANTIFIED, number * 1000)

    def copies(self) -> Labelled:
        number = self.whole()
        if not self.sender.copies:
            return self.refuse("a unit that is not declared", f"{self.printed(number)} copies/ml")
        which = self.chance.choice(("", "<"))
        text, unit = self.placed(which + self.printed(number), self.sender.copies)
        return self.of("copies", text, unit, self.said(which), number, "copies")

    def both(self) -> Labelled:
        number = self.whole(35, 9_000_000)
        log = self.printed(Decimal(f"{math.log10(number):.2f}"))
        which, linear = self.chance.choice(("", "<", ">")), self.printed(number)
        iu, log_unit = self.sender.iu, self.sender.log
        text = self.chance.choice(
            [f"{which}{linear} {iu} ({which}{log} {log_unit})", f"{which}{log} {log_unit} ({which}{linear} {iu})", f"{which}{linear} {iu} or {log} {log_unit}"]
        )  # fmt: skip
        return self.of("both scales", text, None, self.said(which), number)

    def phrase(self) -> Labelled:
        word = self.chance.choice(self.sender.not_detected)
        text = self.chance.choice([word, word.upper(), f"  {word} ", word.capitalize()])
        return self.of("a phrase", text, self.chance.choice([None, self.sender.iu]), NONE, None)

    def phrase_and_limit(self) -> Labelled:
        number, iu = self.whole(30, 500), self.sender.iu
        limit = f"{self.chance.choice(['<', '< '])}{self.printed(number)} {iu}"
        is_none = self.chance.random() < 0.5
        word = self.chance.choice(self.sender.not_detected if is_none else self.sender.detected)
        text = self.chance.choice([f"{limit}, {word}", f"{word} {limit}", f"{word}, {limit}", f"{word}: {limit}"])
        return self.of("a phrase beside a limit", text, None, NONE if is_none else BELOW, number)

    # --- what a person could read, and the grammar need not: a refusal is told, another meaning is wrong

    def method(self) -> Labelled:
        low, high = self.printed(self.whole(30, 900)), self.printed(self.whole(1_000_000, 9_000_000))
        iu, word = self.sender.iu, self.chance.choice(self.sender.not_detected)
        text = self.chance.choice(
            [f"{word}. Performed by PCR. Detection Range: {low} - {high} {iu}.", f"{word} (PCR, {low}-{high} {iu})", f"{word}; methode: real-time PCR"]
        )  # fmt: skip
        return self.of("a phrase with method and range", text, None, NONE, None)

    def load_and_method(self) -> Labelled:
        number = self.whole()
        tail = self.chance.choice(
            ["(Alinity m)", "PCR", "; cobas 6800", ". Performed by PCR", "(PCR, meetbereik 34 - 10000000)"]
        )
        return self.of(
            "a load with its method", f"{self.printed(number)} {self.sender.iu} {tail}", None, QUANTIFIED, number
        )

    def other_signs(self) -> Labelled:
        number = self.whole(30, 500)
        text = self.chance.choice(
            ["\uff1c", "\u2039", "onder ", "minder dan ", "kleiner dan ", "below ", "under "]
        ) + self.printed(number)
        return self.of("another sign for below", text, self.sender.iu, self.sender.less_than, number)

    def superscript(self) -> Labelled:
        power = self.chance.randint(2, 7)
        return self.of("a power set high", "10" + "⁰¹²³⁴⁵⁶⁷"[power], self.sender.iu, QUANTIFIED, 10.0**power)

    # --- what says no load

    def no_number(self) -> Labelled:
        text = self.chance.choice(
            ["nan", "NaN", "inf", "-inf", "Infinity", "0", "0.0", "0,0", "-0", "-1", "-137", "\u22121200", "1e400", "1E999", "1_000", "+", "-", "--", "",
             "   ", ".", ",", "<", ">", "< ", "<>", "<<35", "^", "^999", "e5", "1e", "0x1F", "1e5e5", "None", "null", "n/a", "#N/B", "#VALUE!"]
        )  # fmt: skip
        return self.refuse("no number", text, self.sender.iu)

    def other_digits(self) -> Labelled:
        number = str(self.whole())
        zero = self.chance.choice(["\uff10", "\u0660", "\u06f0", "\u0966"])
        return self.refuse("other digits", "".join(chr(ord(zero) + int(d)) for d in number), self.sender.iu)

    def damaged(self) -> Labelled:
        digits = str(self.whole(1000))
        at = self.chance.randint(1, len(digits) - 1)
        inner = self.chance.choice(
            ["O", "l", "_", "\u200b", "\u00ad", "..", ",,", "/", ":", "-", "+", "?", "#", "..5", "x", " x ", "\x00"]
        )
        return self.refuse("a damaged number", digits[:at] + inner + digits[at:], self.sender.iu)

    def grouping(self) -> Labelled:
        mark, a, b = self.sender.thousands, self.chance.randint(1, 9), self.chance.randint(10, 99)
        text = self.chance.choice(
            [f"{a}{mark}{b}", f"{a}{mark}{b}00", f"{a}000{mark}{b}0", f"{a}{mark}{b}0{mark}{b}", f"0{mark}{b}0", f"{mark}{b}0", f"{a}{b}{mark}",
             f"{a} {b}", f"{a} {b}00", f"{a}'{b}0"]
        )  # fmt: skip
        return self.refuse("thousands that are none", text, self.sender.iu)

    def other_marks(self) -> Labelled:
        a, b, c = self.chance.randint(1, 9), self.chance.randint(100, 999), self.chance.randint(100, 999)
        mark, other = self.sender.decimal, self.sender.thousands
        text = self.chance.choice(
            [
                f"{a}{mark}{b}{mark}{c}",
                f"{a}{mark}{b}{other}5",
                f"{a}{mark}{b}{mark}{c}{other}5",
                f"{a} {b}",
                f"{a} {b} {c}",
                f"{a}\u00a0{b}",
            ]
        )
        return self.refuse("the marks of another country", text, self.sender.iu)

    def range_(self) -> Labelled:
        low, high = self.printed(self.whole(30, 900)), self.printed(self.whole(1000))
        link = self.chance.choice(
            [
                "-",
                " - ",
                "\u2013",
                " tot ",
                " to ",
                "..",
                " en ",
                "/",
                ":",
                "; ",
                ", ",
                " ",
                "~",
                " t/m ",
                "|",
                " <",
                " - <",
            ]
        )
        unit = self.chance.choice(["", f" {self.sender.iu}"])
        return self.refuse("a range, a ratio or two numbers", f"{low}{link}{high}{unit}", self.sender.iu)

    def around(self) -> Labelled:
        number = f"{self.printed(self.whole())} {self.sender.iu}"
        before = ("ca. ", "circa ", "~", "\u2248", "\u00b1 ", "approx. ", "ongeveer ", "was ", "vorige uitslag: ", "vorige: ", "LLOQ ", "detectiegrens ",
                  "meetbereik ", "lower limit ", "zie ", "niet ", "geen ", "not ", "no ", "niet betrouwbaar ", "EBV ", "verdunning 1:", "dd 12-05 ", "= ", "<= ",
                  ">= ", "\u2264", "niet <", "not >", "cannot exclude <", "Ct ", "nr ", "tel. ")  # fmt: skip
        behind = (" niet betrouwbaar", " (herhaald)", "?", " ?", " H", "*", " geen CMV", " was het", ", twijfelachtig", " invalid", ", mislukt", " bij verdunning",
                  " per 10^6 cellen", " x 2", "^", " (2)", " (2.7)", " (2,7)", " (<35)", " (100)", " / 2", " %", " niet", " not", " EBV", " - onder voorbehoud",
                  ", niet bruikbaar", " vorige keer")  # fmt: skip
        text = self.chance.choice([self.chance.choice(before) + number, number + self.chance.choice(behind)])
        return self.refuse("a number among other words", text)

    def negated(self) -> Labelled:
        none, some = self.chance.choice(self.sender.not_detected), self.chance.choice(self.sender.detected)
        word = self.chance.choice([none, some])
        text = self.chance.choice(
            [f"niet {none}", f"not {none}", f"geen {word}", f"no {none}", f"{word} niet", f"{word}?", f"{none}/{some}", f"{none} of {some}", f"mogelijk {word}",
             f"{word} uit te sluiten", f"zwak {word}", f"{none} {none}", f"EBV {word}", f"{word} voor EBV", f"{word} (vorige)", f"{word} 12", f"vorige: {word}"]
        )  # fmt: skip
        return self.refuse("a phrase that is turned round", text)

    def contradiction(self) -> Labelled:
        number, none, some = (
            self.printed(self.whole(1000)),
            self.chance.choice(self.sender.not_detected),
            self.chance.choice(self.sender.detected),
        )
        iu, log = self.sender.iu, self.sender.log
        true = self.whole(1000, 9_000_000)
        off = self.printed(Decimal(f"{math.log10(true) + self.chance.choice([-1, -0.1, 0.1, 1, 0.03]):.2f}"))
        text, unit = self.chance.choice(
            [(f"{number} {iu}, {none}", None), (f"{none} {number} {iu}", None), (f">{number} {iu}, {none}", None), (f"<{number} {iu}, {none}, {some}", None),
             (f"{number} {iu}", log), (f"{number} {log}", iu), (f"{self.printed(true)} {iu} ({off} {log})", None), (f"<{self.printed(true)} {iu} ({off} {log})", None),
             (f"{self.printed(true)} {iu} (<{off} {log})", None), (f"<{number} {iu} (>{number} {iu})", None)]
        )  # fmt: skip
        return self.refuse("a contradiction", text, unit)

    def units(self) -> Labelled:
        number = self.printed(self.whole())
        unit = self.chance.choice(
            [
                "",
                "IU",
                "/mL",
                "mL",
                "IU/L",
                "IE/l",
                "IU/uL",
                "mIU/mL",
                "MIU/mL",
                "IU/10^6",
                "IU/10^6 cells",
                "kopie",
                "log",
                "log10",
                "lg",
                "ml/IE",
                "g/l",
                "E/ml",
                "IU/mI",
                "%",
            ]
        )
        text, cell = self.chance.choice([(f"{number} {unit}", None), (number, unit)])
        return self.refuse("a unit that is not declared", text, cell)

    def other_values(self) -> Labelled:
        n = self.chance.randint
        text = self.chance.choice(
            [f"{n(1, 28)}-0{n(1, 9)}-2026", f"2026-0{n(1, 9)}-1{n(0, 9)}", f"{n(10, 23)}:{n(10, 59)}", f"1:{2 ** n(1, 8)}", f"1/{n(2, 9)}", f"{n(1, 4)}+", "++", "+++", "zie opmerking",
             "uitslag volgt", "n.a.", "NTB", "nvt", "afgekeurd", "stolsel", "te weinig materiaal", "geen materiaal", "vervallen", "=1+1", f"=SUM(A{n(1, 9)})", "<script>", "Ct 34",
             f"10^{n(2, 7)},5", f"10^{n(2, 7)}.5", "10^", f"{n(2, 9)}^{n(2, 7)}", f"{n(2, 9)} x 10", "TRUE", "1.2.3.4", f"<{n(10, 99)}>", f"({n(100, 999)}", f"{n(100, 999)})"]
        )  # fmt: skip
        return self.refuse("another kind of value", text, self.sender.iu)


READ: tuple[Callable[[Maker], Labelled], ...] = (
    Maker.load, Maker.fraction, Maker.limit, Maker.power, Maker.log, Maker.kilo, Maker.copies, Maker.both, Maker.phrase, Maker.phrase_and_limit,
)  # fmt: skip
READABLE = (Maker.method, Maker.load_and_method, Maker.other_signs, Maker.superscript)
NO_LOAD = (
    Maker.no_number, Maker.other_digits, Maker.damaged, Maker.grouping, Maker.other_marks, Maker.range_, Maker.around, Maker.negated,
    Maker.contradiction, Maker.units, Maker.other_values,
)  # fmt: skip


def labelled_strings(n: int, *, seed: int = 0) -> Iterator[Labelled]:
    """`n` strings of every sender and kind in turn; the same ones for the same seed."""
    makers = [Maker(sender, seed) for sender in SENDERS]
    kinds = (*READ, *READABLE, *NO_LOAD)
    for number in range(n):
        yield kinds[number % len(kinds)](makers[number // len(kinds) % len(makers)])
