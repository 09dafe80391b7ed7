"""Which pairs are worth a look: those that share a key of a few. Two people without one are not compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from mappings.matcher.person import STANDARD, Comparison, Person

LARGEST_BLOCK = 100
"""A key that more people share tells nothing; its pairs are not looked at for it."""

KEY_LENGTH = 64
_STREET = 10  # letters: beyond them spellings part ("street", "str.")
_SHORTEST_MAILBOX = 5  # "ada" is many people's

_SOUNDS = {
    **dict.fromkeys("bfpv", "1"),
    **dict.fromkeys("cgjkqsxz", "2"),
    **dict.fromkeys("dt", "3"),
    "l": "4",
    **dict.fromkeys("mn", "5"),
    "r": "6",
}
_SOUND_LENGTH = 4


@lru_cache(maxsize=65_536)
def sound(word: str) -> str:
    """Return the Soundex of a word; of letters that have none (Кириллица) the first four."""
    letters = word.replace(" ", "")
    if not letters:
        return ""
    if not letters.isascii():
        return letters[:_SOUND_LENGTH]
    code, last = letters[0], _SOUNDS.get(letters[0], "")
    for letter in letters[1:]:
        digit = _SOUNDS.get(letter, "")
        if digit and digit != last:
            code += digit
        if letter not in "hw":  # between two of one sound they part nothing
            last = digit
    return code[:_SOUND_LENGTH].ljust(_SOUND_LENGTH, "0")


def keys(person: Person, comparisons: Sequence[Comparison] = STANDARD) -> list[str]:
    """Return a person's blocking keys, each once."""
    return list(dict.fromkeys(key[:KEY_LENGTH] for key in _keys(person, comparisons)))


def _keys(person: Person, comparisons: Sequence[Comparison]) -> Iterator[str]:
    first, last = sound(person.get("first_name", "")), sound(person.get("last_name", ""))
    if first and last:
        yield f"n:{min(first, last)}:{max(first, last)}"  # in either order: people swap the two boxes
    for place in ("postal_code", "company", "domain"):
        if value := person.get(place, "").replace(" ", ""):
            for name in {first, last} - {""}:
                yield f"{place[0]}:{name}:{value}"
    if len(mailbox := person.get("mailbox", "")) >= _SHORTEST_MAILBOX:
        yield f"m:{mailbox}"
    if phone := person.get("phone"):
        yield f"t:{phone[-9:]}"
    for each in comparisons:
        if each.kind in ("number", "date") and (said := person.get(each.name)):
            yield f"{each.name}:{said}"
    street = person.get("street", "").replace(" ", "")
    if street and (town := person.get("postal_code") or person.get("city")):
        yield f"s:{street[:_STREET]}:{town}"


def pairs(keyed: Mapping[str, Sequence[str]], largest: int = LARGEST_BLOCK) -> set[tuple[str, str]]:
    """Return the pairs of ids that share a key; ``keyed`` has the keys of each."""
    blocks: dict[str, list[str]] = defaultdict(list)
    for person_id, some in keyed.items():
        for key in some:
            blocks[key].append(person_id)
    found: set[tuple[str, str]] = set()
    for members in blocks.values():
        if len(members) <= largest:
            members.sort()
            found.update((a, b) for n, a in enumerate(members) for b in members[n + 1 :])
    return found
