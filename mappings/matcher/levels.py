"""How alike two values are: each kind of field has a few levels, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rapidfuzz.distance import OSA, JaroWinkler

from mappings.matcher.person import Comparison, Person

UNKNOWN = -1
"""A value is missing on a side: no evidence either way."""

LEVELS: Mapping[str, tuple[str, ...]] = {
    "name": ("same", "swapped", "close", "alike", "other"),
    "text": ("same", "close", "alike", "other"),
    "company": ("same", "close", "alike", "other"),
    "code": ("same", "near", "other"),
    "number": ("same", "near", "other"),
    "date": ("same", "near", "other"),
    "phone": ("same", "near", "other"),
    "choice": ("same", "other"),
    "mailbox": ("same", "close", "other"),
    "domain": ("same", "other"),
}

Vector = tuple[int, ...]
"""The level of each comparison, in their order; ``UNKNOWN`` where a side is blank."""

# Limits of Jaro-Winkler (judgement, then seen to hold on Febrl): from 0.92 a slip of the keyboard, from
# 0.85 (names) and 0.8 (longer texts) what may be one.
CLOSE, ALIKE_NAME, ALIKE_TEXT = 0.92, 0.85, 0.8
INITIAL = 1


def compare(a: Person, b: Person, comparisons: Sequence[Comparison]) -> Vector:
    """Return how alike two people are, comparison by comparison."""
    found = []
    for each in comparisons:
        ours, theirs = a.get(each.name), b.get(each.name)
        if ours is None or theirs is None:
            found.append(UNKNOWN)
        elif ours == theirs:
            found.append(0)
        elif each.kind == "name":
            found.append(1 if _is_swapped(each.name, a, b) else _name(ours, theirs))
        else:
            found.append(_COMPARE[each.kind](ours, theirs))
    return tuple(found)


_OTHER_NAME = {"first_name": "last_name", "last_name": "first_name"}


def _is_swapped(name: str, a: Person, b: Person) -> bool:
    """Say whether first and last name changed places between the two."""
    other = _OTHER_NAME.get(name, "")
    return a[name] == b.get(other) or b[name] == a.get(other)


def _name(ours: str, theirs: str) -> int:
    """Compare names; an initial is alike to any name that begins with it."""
    likeness = JaroWinkler.similarity(ours, theirs)
    if likeness >= CLOSE:
        return 2
    is_initial = INITIAL in (len(ours), len(theirs)) and ours[0] == theirs[0]
    return 3 if likeness >= ALIKE_NAME or is_initial else 4


def _text(ours: str, theirs: str) -> int:
    likeness = JaroWinkler.similarity(ours.replace(" ", ""), theirs.replace(" ", ""))
    return 1 if likeness >= CLOSE else 2 if likeness >= ALIKE_TEXT else 3


def _code(ours: str, theirs: str) -> int:
    """Compare codes: one mark wrong, missing, too much, or two that changed places are near."""
    return 1 if OSA.distance(ours, theirs, score_cutoff=1) <= 1 else 2


def _phone(ours: str, theirs: str) -> int:
    """Compare numbers; one without its prefix ends as the other does."""
    tail = 9
    if len(ours) >= tail and len(theirs) >= tail and ours[-tail:] == theirs[-tail:]:
        return 0
    return _code(ours, theirs)


def _mailbox(ours: str, theirs: str) -> int:
    return 1 if JaroWinkler.similarity(ours, theirs) >= CLOSE else 2


def _choice(_ours: str, _theirs: str) -> int:
    return 1


_COMPARE: Mapping[str, Callable[[str, str], int]] = {
    "text": _text,
    "company": _text,
    "code": _code,
    "number": _code,
    "date": _code,
    "phone": _phone,
    "choice": _choice,
    "mailbox": _mailbox,
    "domain": _choice,
}
