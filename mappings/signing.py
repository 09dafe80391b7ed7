"""Who must sign off a change of thresholds, and whether all of them have. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mappings.playbook import Criterion, Playbook
from mappings.playbook.condition import Condition
from mappings.problems import PlaybookError, Problem
from model.decision import Place

ASKED = frozenset({"score", "band", "grade", "icp_tier", "icp_score"})
"""Fields that thresholds are about: a condition that asks for one of them is a threshold itself."""

SHOWN = 5  # changes in a message

Found = tuple[str, str, Place]  # what a threshold is called, what it says, where


def thresholds(playbook: Playbook) -> dict[str, tuple[str, Place]]:
    """Return what the score and the profile must reach, by name: what each says, and where.

    These are the bands and marks, the tiers of the profile, the band under review, and what rules and
    criteria of the lifecycle ask of a score.
    """
    return {name: (says, place) for name, says, place in _all(playbook)}


def unsigned(before: Playbook, after: Playbook, signed: Collection[str]) -> Problem | None:
    """Return why a playbook may not follow another: its thresholds differ, and somebody has not signed.

    Who must is said by ``sign_off`` of both: so nobody is left out by the change that takes them out.
    """
    names = list(dict.fromkeys((*before.scoring.sign_off, *after.scoring.sign_off)))
    has_signed = {_plain(one) for one in signed}
    lacking = [one for one in names if _plain(one) not in has_signed]
    if not lacking:
        return None
    changed = list(_changes(before, after))
    if not changed:
        return None
    shown = "; ".join(text for text, _ in changed[:SHOWN])
    more = f"; and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    who = " and ".join(lacking)
    options = " ".join(f'--signed-off-by "{one}"' for one in names)
    return Problem(
        changed[0][1],
        f"thresholds have changed without the word of {who}: {shown}{more}",
        f"Once they agree: leadrelay apply DIR {options}",
    )


def refuse_unsigned(before: Playbook, after: Playbook, signed: Collection[str]) -> None:
    """Raise ``PlaybookError`` where a playbook may not follow another without the word of somebody."""
    if problem := unsigned(before, after, signed):
        raise PlaybookError([problem])


def _changes(before: Playbook, after: Playbook) -> Iterator[tuple[str, Place]]:
    """Yield each threshold that differs, in words, and where it stands by now."""
    old, new = thresholds(before), thresholds(after)
    for name in dict.fromkeys((*old, *new)):
        was, _ = old.get(name, ("none", None))
        says, at = new.get(name, ("none", after.scoring.place))
        if was != says:
            yield f"{name}: {was} → {says}", at
    was_signed, is_signed = before.scoring.sign_off, after.scoring.sign_off
    if set(map(_plain, was_signed)) != set(map(_plain, is_signed)):
        listed = (", ".join(was_signed) or "nobody", ", ".join(is_signed) or "nobody")
        yield f"sign_off: {listed[0]} → {listed[1]}", after.scoring.place


def _all(playbook: Playbook) -> Iterator[Found]:
    scoring, lifecycle = playbook.scoring, playbook.lifecycle
    for band in scoring.bands:
        after = f", after {band.after.total_seconds() / 86400:g} d" if band.after else ""
        yield f"band {band.name}", f"from {band.up}, until below {band.down}{after}", band.place
    for scale in scoring.grade:
        marks = ", ".join(f"{mark} from {least:g}" for least, mark in scale.marks)
        yield f"grade of {scale.group}", marks, scoring.place
    if playbook.icp is not None:
        for least, tier in playbook.icp.tiers:
            yield f"tier {tier}", f"from {least} percent", playbook.icp.place
    if lifecycle.review is not None:
        yield "review", f"band {lifecycle.review.band}", lifecycle.review.place
    for rule in lifecycle.rules:
        if says := _says(rule.min_score, rule.when):
            yield f"rule {rule.name} → {rule.to}", says, rule.place
    for stage in lifecycle.stages:
        for gate, name in ((stage.entry, "entry"), (stage.exit, "exit")):
            for one in gate.criteria:
                yield from _of_criterion(one, f"{name} of {stage.name}, {one.name}")


def _of_criterion(criterion: Criterion, name: str) -> Iterator[Found]:
    if says := _says(criterion.min_score, criterion.when):
        yield name, says, criterion.place
    for one in criterion.any_of:
        yield from _of_criterion(one, f"{name}, {one.name}")


def _says(least: int | None, when: Condition | None) -> str:
    parts = [f"score {least}"] if least is not None else []
    if when is not None and when.fields & ASKED:
        parts.append(when.text)
    return ", ".join(parts)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
