"""Whether what a sender calls a drug sounds like one that the protocol lists: a dose of it is never left unread for want of its code.

It decides nothing of what a drug is: that says the table file. To add a drug: one entry of DRUGS, with its code, and how it is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cmvmon.feeds.value_grammar import fold


@dataclass(frozen=True)
class Called:
    """How a drug is called.

    Attributes:
        atc: its code in the Anatomical Therapeutic Chemical index (WHO, https://atcddd.fhi.no).
        stems: patterns of how its name begins, Dutch, English, German and French, and of its brands: pharmacies cut names short.
        short: abbreviations that stand as words of their own.
    """

    atc: str
    stems: tuple[str, ...]
    short: tuple[str, ...]


DRUGS: Mapping[str, Called] = {
    "ganciclovir": Called("J05AB06", ("ganc[iy]", "cymeven", "cytovene", "virgan", "zirgan"), ("gcv", "dhpg")),
    "valganciclovir": Called("J05AB14", ("valgan", "valcyte"), ("vgcv", "valgcv", "v-gcv", "val-gcv")),
    "foscarnet": Called("J05AD01", ("foscar", "foscav", "(?:ph|f)os(?:ph|f)onoform"), ("pfa", "fos")),
    "cidofovir": Called("J05AB12", ("[cz][iy]dof", "vistide"), ("cdv",)),
    "maribavir": Called("J05AX10", ("mar[iy]bav", "livtencity"), ("mbv",)),
    "letermovir": Called("J05AX18", ("leth?erm", "prevymis"), ("ltv", "lmv")),
    "aciclovir": Called("J05AB01", ("(?<![a-z])ac[iy]clo", "zovirax"), ("acv",)),
    "valaciclovir": Called("J05AB11", ("valac", "valtrex", "zelitrex"), ("vacv", "valacv", "vcv")),
}
_OTHER_FOS = re.compile("(?<![a-z])(?:fos|phos)[a-z]")  # fosfomycin, phosphate: of these FOS is short too
_ITS_GROUP = r"j05(?:a[bdx]?)?(?![a-z0-9])"  # a code that was cut: which drug of the group is meant can't be told


def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    codes = (rf"j05[ .-]?{one.atc[3:5].lower()}[ .-]?{one.atc[5:]}(?![0-9])" for one in DRUGS.values())
    stems = (stem for one in DRUGS.values() for stem in one.stems)
    words = (rf"(?<![a-z0-9]){re.escape(name)}(?![a-z])" for name in names)
    return re.compile("|".join((*codes, *stems, *words, _ITS_GROUP)))


_SHORT = tuple(name for one in DRUGS.values() for name in one.short)
_ALL = _pattern(_SHORT)
_WITHOUT_FOS = _pattern(tuple(name for name in _SHORT if name != "fos"))


def sounds_like_a_drug(text: str) -> bool:
    """Whether it holds a name, a brand, an abbreviation or the code of a drug that the protocol lists.

    >>> sounds_like_a_drug("Z6^CYMEVENE 500^L"), sounds_like_a_drug("FOS^fosfomycine^L"), sounds_like_a_drug("J01CR05")
    (True, False, False)
    """
    folded = fold(text)
    return (_WITHOUT_FOS if _OTHER_FOS.search(folded) else _ALL).search(folded) is not None
