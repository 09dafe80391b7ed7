"""Bands and grades of the score: from the checked file to what handlers use."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from mappings.compiling.scope import Scope
from mappings.loader import Document
from mappings.playbook import Band, Scale
from mappings.schema import ScoringFile
from mappings.values.durations import duration


def names_of(document: Document | None) -> tuple[str, ...]:
    """Return the names of the bands as the file declares them, the lowest first."""
    data = document.data.get("bands") if document and isinstance(document.data, dict) else None
    entries = data if isinstance(data, dict) else {}
    begins = {name: entry.get("up") if isinstance(entry, dict) else None for name, entry in entries.items()}
    numbers = {name: up if isinstance(up, int) else 0 for name, up in begins.items()}
    return tuple(sorted(map(str, entries), key=lambda name: numbers.get(name, 0)))


def bands(file: ScoringFile, document: Document, scope: Scope) -> tuple[Band, ...]:
    """Return the bands, the lowest first; every score must lie in one, and each must be left for the next."""
    found: list[Band] = []
    for name, entry in file.bands.items():
        place = document.place("bands", name)
        down = entry.up if entry.down is None else entry.down
        if down > entry.up:
            fix = f"Write a number up to {entry.up}: who has risen into the band stays until then."
            at = document.value_place("bands", name, "down")
            scope.fault(at, f"{down} is more than {entry.up}, with which a lead rises into it", fix)
        after = duration(entry.after) if entry.after is not None else timedelta()
        found.append(Band(name, entry.up, down, after, place))
    found.sort(key=lambda band: band.up)
    if found and document.sound:
        _check_lowest(found[0], file, document, scope)
        for lower, upper in pairwise(found):
            _check_neighbours(lower, upper, scope, is_lowest=lower is found[0])
    return tuple(found)


def _check_lowest(lowest: Band, file: ScoringFile, document: Document, scope: Scope) -> None:
    if lowest.up > 0:
        fix = "Write another one with up: 0, or let it begin at 0."
        scope.fault(lowest.place, f"a score below {lowest.up} is in no band", fix)
        return
    for setting in ("down", "after"):
        if getattr(file.bands[lowest.name], setting) is not None:
            fix = "It is the lowest band; take it out."
            at = document.place("bands", lowest.name, setting)
            scope.fault(at, f'nobody falls out of "{lowest.name}"', fix)


def _check_neighbours(lower: Band, upper: Band, scope: Scope, *, is_lowest: bool) -> None:
    if lower.up == upper.up:
        fix = "Give each band a beginning of its own."
        scope.fault(upper.place, f'the bands "{lower.name}" and "{upper.name}" both begin at {upper.up}', fix)
    elif not is_lowest and upper.down <= lower.down:
        fix = (
            f'Write a down of more than {lower.down}, so that who falls out of it comes into "{lower.name}".'
        )
        text = f'"{upper.name}" is left below {upper.down} only, where "{lower.name}" is left, too'
        scope.fault(upper.place, text, fix)


def grade(file: ScoringFile, document: Document, scope: Scope) -> tuple[Scale, ...]:
    """Return both scales of the grade."""
    if file.grade and len(file.grade) != 2 and document.sound:
        fix = 'Write for example {fit: {A: 30, B: 0}, engagement: {"1": 15, "2": 0}}.'
        scope.fault(document.place("grade"), "a grade is made of two groups", fix)
    found = []
    for group, marks in file.grade.items():
        at = document.place("grade", group)
        known = scope.knows(at, "score group", group, scope.groups)
        cap = file.groups[group].cap if known and group in file.groups else 100
        ordered = tuple(sorted(((least, mark) for mark, least in marks.items()), reverse=True))
        _check_scale(group, ordered, cap, document, scope)
        found.append(Scale(group, ordered))
    return tuple(found)


def _check_scale(
    group: str, ordered: tuple[tuple[int, str], ...], cap: int, document: Document, scope: Scope
) -> None:
    at = document.place("grade", group)
    leasts = [least for least, _ in ordered]
    if not leasts or leasts[-1] != 0:
        scope.fault(at, "the lowest mark begins at 0", "Else a lead with fewer points has no grade.")
    if len(set(leasts)) < len(leasts):
        scope.fault(at, "two marks begin with the same points", "Give each a beginning of its own.")
    if leasts and leasts[0] > cap:
        fix = f'The group "{group}" gives at most {cap}.'
        scope.fault(at, f'no lead reaches the mark "{ordered[0][1]}", which begins at {leasts[0]}', fix)
