"""A look-up for a batch: asked as a whole, in halves where a query grows too long or is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from connectors.batches import CallRefused, cut_down, halves, postponed
from connectors.salesforce.errors import SCHEMA, Refused, refused_alone
from connectors.salesforce.people import SOQL_LIMIT
from model.change import Outcome, RecordChange
from model.errors import RetryLater

T = TypeVar("T")
Batch = Sequence[RecordChange]


def search(
    batch: Batch,
    queries: Collection[str],
    ask: Callable[[], T],
    choose: Callable[[Batch, T], Iterator[Outcome]],
    again: Callable[[Batch], Iterator[Outcome]],
) -> Iterator[Outcome]:
    """Ask for a batch and yield what is chosen of the answer; ``again`` looks up a part of the batch.

    A look-up that fails concerns its whole batch: no record may be made where it is not known who is there.
    """
    if not queries:
        return
    if len(batch) > 1 and max(map(len, queries)) > SOQL_LIMIT:
        for half in halves(batch):
            yield from again(half)
        return
    try:
        answer = ask()
    except RetryLater as error:
        yield from (postponed(change, error) for change in batch)
    except CallRefused as refusal:
        if isinstance(refusal, Refused) and refusal.code in SCHEMA:
            yield from (refused_alone(change, refusal) for change in batch)
        else:
            yield from cut_down(batch, refusal, again, refused_alone)
    else:
        yield from choose(batch, answer)
