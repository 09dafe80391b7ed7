"""Merges records of one CRM, one pair after the other: both are read first, so that it is never done twice.

A merge cannot be undone, and an answer may be lost. Hence each try begins by reading both records: where
one has gone into the other already, it is done; where one was deleted or went into a third, nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.base import Connector
from model.cause import GONE, REJECTED, Cause
from model.change import Merging, Postponed, Record, Rejected, Updated
from model.errors import Refusal, RetryLater
from model.event import RecordRef
from model.hint import Hint
from sync import effects
from sync.errands import Errand
from sync.verdict import Hold, Verdict


def carry_out(connector: Connector, begin: Hold, errands: Sequence[Errand]) -> Iterator[tuple[int, Verdict]]:
    """Merge the records of these errands; yield what became of each. Raises ``NotAuthorized``."""
    for errand in errands:
        if isinstance(errand.what, Merging):
            yield errand.row.id, _merge(connector, begin, errand, errand.what)


def _merge(connector: Connector, begin: Hold, errand: Errand, what: Merging) -> Verdict:
    doubtful = errand.in_doubt
    try:
        there = _read(connector, what)
    except RetryLater as error:
        return Verdict(effects.WAITING, str(error), wait=error.wait, in_doubt=doubtful)
    except Refusal as error:
        return Verdict(effects.DEAD, str(error), Cause(REJECTED))
    keep, lose = there.get(what.keep.id), there.get(what.lose.id)
    done = Hint(what.keep.object, what.keep.id, "merged", others=(what.lose.id,))
    if keep is not None and lose is not None and _is_one(keep, lose):
        return Verdict(effects.SENT, remote_id=keep.ref.id, hint=done)
    for ref, record in ((what.keep, keep), (what.lose, lose)):
        if why := _over(ref, record):
            again = Hint(what.lose.object, what.lose.id, others=(what.keep.id,))
            return Verdict(effects.WITHHELD, f"nothing is merged: {why}", hint=again)
    if keep is None or lose is None:
        text = "a record cannot be read: it was deleted for good, or leadrelay's user may not see it"
        return Verdict(effects.DEAD, text, GONE)
    if not begin([errand]):
        return Verdict(effects.WAITING, "another claim has it", in_doubt=True)
    match connector.merge(Merging(what.key, keep.ref, lose.ref)):
        case Updated(_, left, _):
            return Verdict(effects.SENT, remote_id=left.id, hint=done)
        case Postponed(_, reason, wait, answer_lost):
            return Verdict(effects.WAITING, reason, wait=wait, in_doubt=doubtful or answer_lost)
        case Rejected(_, reason, _) as outcome:
            return Verdict(effects.DEAD, reason, outcome.cause)
        case outcome:
            raise AssertionError(f"{connector.name}: a merge does not end as {outcome}")


def _read(connector: Connector, what: Merging) -> Mapping[str, Record]:
    """Read both by id, nothing but what became of them; each under the id that it was asked for by."""
    found: dict[str, Record] = {}
    for record in connector.read([what.keep, what.lose], {}):
        for each in (record.ref.id, *record.merged_ids):
            if each in (what.keep.id, what.lose.id):
                found[each] = record
    if not connector.missing_is_gone:
        return found
    gone = (ref for ref in (what.keep, what.lose) if ref.id not in found)
    return found | {ref.id: Record(ref, {}, archived=True) for ref in gone}


def _is_one(keep: Record, lose: Record) -> bool:
    return keep.ref == lose.ref or lose.became == keep.ref


def _over(ref: RecordRef, record: Record | None) -> str:
    """Say why a record cannot be merged any more; blank for one that is there, or could not be read."""
    if record is not None and record.became is not None:
        return f"{ref.object} {ref.id} has become {record.became.object} {record.became.id} meanwhile"
    if record is not None and record.archived:
        return f"{ref.object} {ref.id} was deleted meanwhile"
    return ""
