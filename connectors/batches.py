"""What every CRM connector does with a batch: cut it up, and see that each change gets its one outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from model.cause import REJECTED
from model.change import (
    Association,
    Merging,
    Outcome,
    Participation,
    Postponed,
    RecordChange,
    Rejected,
    Updated,
)
from model.errors import AnswerLost, ConnectorError, NoBudget, NotAuthorized, Refusal, RetryLater
from model.event import RecordRef

Item = TypeVar("Item")


class CallRefused(Refusal):
    """The other side took nothing of a call because of something in it; ``fields`` are those it blames,
    ``code`` is its word for it."""

    def __init__(self, message: str = "", fields: tuple[str, ...] = (), code: str = REJECTED) -> None:
        super().__init__(message)
        self.fields = fields
        self.code = code


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut into pieces of at most ``size``, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Cut in the middle; both halves hold something where there are two or more."""
    middle = len(items) // 2
    return items[:middle], items[middle:]


def by_object(changes: Iterable[RecordChange]) -> dict[str, list[RecordChange]]:
    """Group changes by object type, each group in order."""
    groups: dict[str, list[RecordChange]] = {}
    for change in changes:
        groups.setdefault(change.object, []).append(change)
    return groups


def first_of_each(
    changes: Iterable[RecordChange], sort_key: Callable[[RecordChange], str | None]
) -> tuple[list[RecordChange], list[RecordChange]]:
    """Part the changes that come first under their key (or have none) from those that repeat one."""
    seen: set[str] = set()
    first: list[RecordChange] = []
    repeated: list[RecordChange] = []
    for change in changes:
        value = sort_key(change)
        (repeated if value in seen else first).append(change)
        if value is not None:
            seen.add(value)
    return first, repeated


def cut_down(
    batch: Sequence[RecordChange],
    refusal: CallRefused,
    again: Callable[[Sequence[RecordChange]], Iterable[Outcome]],
    alone: Callable[[RecordChange, CallRefused], Outcome],
) -> Iterator[Outcome]:
    """Send a batch that was refused as a whole in two parts, until the culprit stands alone.

    Where the refusal blames fields, those who send them are one part; else, and where all do,
    each half is.
    """
    if len(batch) == 1:
        yield alone(batch[0], refusal)
        return
    suspects = [change for change in batch if not change.fields.keys().isdisjoint(refusal.fields)]
    others = [change for change in batch if change.fields.keys().isdisjoint(refusal.fields)]
    for part in (others, suspects) if suspects and others else halves(batch):
        yield from again(part)


def cut_pairs(
    pairs: Sequence[Association],
    refusal: CallRefused,
    again: Callable[[Sequence[Association]], Iterable[Outcome]],
) -> Iterator[Outcome]:
    """Associate pairs that were refused as a whole in two parts, until the culprit stands alone."""
    if len(pairs) == 1:
        yield Rejected(pairs[0].key, str(refusal), refusal.fields, refusal.code)
        return
    for half in halves(pairs):
        yield from again(half)


def postponed(change: RecordChange, error: ConnectorError) -> Postponed:
    """The outcome of a change whose call failed for a reason that is not in the change."""
    wait = error.wait if isinstance(error, RetryLater) else None
    return Postponed(
        change.key,
        str(error),
        wait=wait,
        answer_lost=isinstance(error, AnswerLost),
        untried=isinstance(error, NoBudget),
    )


def outcome_of_merge(pair: Merging, call: Callable[[], RecordRef]) -> Outcome:
    """Merge two records by ``call``, which returns the one that is left, and say what became of it.

    ``NotAuthorized`` goes on to the caller.
    """
    try:
        return Updated(pair.key, call(), {})
    except CallRefused as refusal:
        return Rejected(pair.key, str(refusal), refusal.fields, refusal.code)
    except RetryLater as error:
        return Postponed(pair.key, str(error), wait=error.wait, answer_lost=isinstance(error, AnswerLost))


def one_outcome_each(
    changes: Sequence[RecordChange] | Sequence[Association] | Sequence[Participation],
    outcomes: Iterable[Outcome],
) -> Iterator[Outcome]:
    """Pass outcomes on, so that each change has exactly one at the end.

    ``NotAuthorized`` is raised only while nothing was passed on: later it would take outcomes
    with it that did happen, so the rest is postponed and the next call raises.
    """
    waiting = {change.key for change in changes}
    said = False
    reason = "The answer did not name this record."
    try:
        for outcome in outcomes:
            if outcome.key in waiting:
                waiting.remove(outcome.key)
                said = True
                yield outcome
    except NotAuthorized as error:
        if not said:
            raise
        for change in changes:
            if change.key in waiting:
                yield Postponed(change.key, str(error))
        return
    for change in changes:
        if change.key in waiting:
            yield Postponed(change.key, reason, answer_lost=True)
