"""Names of people: their capitals, and a full name as first and last.

A full name has no grammar that holds everywhere; what is read here is what forms of the Western kind bring:
"First Last" with particles, or "Last, First". Honorifics and suffixes are left out of both parts.
"""

from __future__ import annotations

import re

from mappings.values.texts import text
from model.event import JsonValue

_SMALL_WORDS = """
al bin da de del den der di dos du la ten ter van von
"""
SMALL = frozenset(_SMALL_WORDS.split())
"""Words of a name that are usually written small, whoever typed it."""

_PARTICLES_WORDS = """
af bint della des do el ibn le vom zu zum zur
"""
PARTICLES = SMALL | frozenset(_PARTICLES_WORDS.split())
"""Words that belong to the last name behind them."""

_HONORIFICS_WORDS = """
mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr herr frau hr fru mme mlle monsieur
madame sr sra srta señor señora don doña sig sigra dott dott.ssa ing dipl-ing mag dhr mevr drs pan pani
"""
HONORIFICS = frozenset(_HONORIFICS_WORDS.split())
_SUFFIXES_WORDS = """
jr junior sr senior ii iii iv phd md mba cpa dds dvm esq esquire jd rn pe cfa pmp
"""
SUFFIXES = frozenset(_SUFFIXES_WORDS.split())
"""What may stand behind a name; behind a comma, too."""

TOGETHER = frozenset(["and", "&", "und", "et", "y", "e", "og", "och", "en", "+", "u"])
"""What stands between two honorifics: "Mr. and Mrs. Smith"."""

LEAST_WORDS_BESIDE = 2  # of the name itself, before a last word counts as a suffix: "Sr" alone is a name
_WORD = re.compile(r"[^\W\d_]+")


def title_name(value: JsonValue, region: str = "") -> str:
    """A person's name; one typed in capitals or small letters only gets capitals where names have them."""
    name = text(value, region)
    if not (name.islower() or name.isupper()) or len(name) == 1:
        return name
    words = name.lower().split(" ")
    last = len(words) - 1
    return " ".join(
        word if word in SMALL and n < last else _WORD.sub(lambda part: part[0].capitalize(), word)
        for n, word in enumerate(words)
    )


def first_of_name(value: JsonValue, region: str = "") -> str:
    """The first names of a full name; of a single word that word."""
    return _split(value, region)[0]


def last_of_name(value: JsonValue, region: str = "") -> str:
    """The last name of a full name, its particles included; of a single word nothing."""
    return _split(value, region)[1]


def _split(value: JsonValue, region: str) -> tuple[str, str]:
    name = text(value, region)
    return split_name(title_name(name), is_cased=not (name.islower() or name.isupper()))


def split_name(name: str, *, is_cased: bool = False) -> tuple[str, str]:
    """Return first and last name of a clean full name; either may be blank.

    ``is_cased``: capitals and small letters are as the person wrote them, so "von Trapp" is a last name alone
    and "Van Morrison" is not.
    """
    parts = [part for part in (part.strip() for part in name.split(",")) if part]
    parts = parts[:1] + [part for part in parts[1:] if not _is_all_of(part.split(), SUFFIXES)]
    if len(parts) > 1:  # "Last, First"
        last, first = parts[0].split(), " ".join(parts[1:]).split()
        first = [] if _is_all_of(first, HONORIFICS) else _without_honorifics(first)
        return " ".join(first), " ".join(_without_suffixes(last))
    given = parts[0].split() if parts else []
    words = _without_suffixes(_without_honorifics(given))
    is_addressed = len(words) == 1 and len(given) > 1 and words[0] != given[0]  # "Mrs Smith"
    start = 0 if is_addressed else _last_name_at(words, is_cased=is_cased)
    return " ".join(words[:start]), " ".join(words[start:])


def _is_all_of(words: list[str], known: frozenset[str]) -> bool:
    return all(_bare(word) in known for word in words)


def _last_name_at(words: list[str], *, is_cased: bool) -> int:
    """Return where the last name begins: at the first particle before a word, else at the last."""
    if len(words) < 2:
        return len(words)
    particles = next((n for n, word in enumerate(words) if word.lower() not in PARTICLES), len(words))
    if particles >= 2 or (particles == 1 and is_cased and words[0].islower()):
        return 0
    for n, word in enumerate(words[1:-1], 1):
        if word.lower() in PARTICLES:
            return n
    return len(words) - 1


def _without_honorifics(words: list[str]) -> list[str]:
    while len(words) > 1 and _bare(words[0]) in HONORIFICS:
        is_joined = len(words) > 3 and _bare(words[1]) in TOGETHER and _bare(words[2]) in HONORIFICS
        words = words[2 if is_joined else 1 :]
    return words


def _without_suffixes(words: list[str]) -> list[str]:
    while len(words) > LEAST_WORDS_BESIDE and _bare(words[-1]) in SUFFIXES:
        words = words[:-1]
    return words


def _bare(word: str) -> str:
    """Return a word as the tables write it: in small letters, without the dots of "Ph.D."."""
    whole = word.casefold().strip(".")
    return whole if whole in HONORIFICS else whole.replace(".", "")
