"""Merges and deletes records of one CRM, one deed after the other, each read first: it is never done twice.

A merge cannot be undone, and an answer may be lost. Hence each try begins by reading both records: where
one has gone into the other already, it is done; where one was deleted or went into a third, nothing is.
A record that is to be deleted and is not there any more is done, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.base import Connector
from model.cause import GONE, REJECTED, Cause
from model.change import Deleting, Merging, Postponed, Record, Rejected, Updated
from model.errors import AnswerLost, Refusal, RetryLater
from model.event import RecordRef
from model.hint import Hint
from sync.edges import effects
from sync.edges.errands import Errand
from sync.edges.verdict import Hold, Verdict

UNREADABLE = "a record cannot be read: it was deleted for good, or leadrelay's user may not see it"


def carry_out(connector: Connector, begin: Hold, errands: Sequence[Errand]) -> Iterator[tuple[int, Verdict]]:
    """Do the deeds of these errands; yield what became of each. Raises ``NotAuthorized``."""
    for errand in errands:
        try:
            if isinstance(errand.what, Merging):
                yield errand.row.id, _merge(connector, begin, errand, errand.what)
            elif isinstance(errand.what, Deleting):
                yield errand.row.id, _delete(connector, begin, errand, errand.what.ref)
        except RetryLater as error:
            doubtful = errand.in_doubt or isinstance(error, AnswerLost)
            wait = Verdict(effects.WAITING, str(error), wait=error.wait, in_doubt=doubtful)
            yield errand.row.id, wait
        except Refusal as error:
            yield errand.row.id, Verdict(effects.DEAD, str(error), Cause(REJECTED))


def _merge(connector: Connector, begin: Hold, errand: Errand, what: Merging) -> Verdict:
    doubtful = errand.in_doubt
    there = _read(connector, what.keep, what.lose)
    keep, lose = there.get(what.keep.id), there.get(what.lose.id)
    done = Hint(what.keep.object, what.keep.id, "merged", others=(what.lose.id,))
    if keep is not None and lose is not None and _is_one(keep, lose):
        return Verdict(effects.SENT, remote_id=keep.ref.id, hint=done)
    for ref, record in ((what.keep, keep), (what.lose, lose)):
        if why := _over(ref, record):
            again = Hint(what.lose.object, what.lose.id, others=(what.keep.id,))
            return Verdict(effects.WITHHELD, f"nothing is merged: {why}", hint=again)
    if keep is None or lose is None:
        return Verdict(effects.DEAD, UNREADABLE, GONE)
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


def _delete(connector: Connector, begin: Hold, errand: Errand, ref: RecordRef) -> Verdict:
    record = _read(connector, ref).get(ref.id)
    done = Hint(ref.object, ref.id, "deleted")
    if record is None:
        return Verdict(effects.DEAD, UNREADABLE, GONE)
    if record.became is not None or record.ref != ref:
        left = record.became or record.ref
        text = f"nothing is deleted: {ref.object} {ref.id} has become {left.object} {left.id} meanwhile"
        return Verdict(effects.WITHHELD, text, hint=Hint(ref.object, ref.id))
    if record.archived:
        return Verdict(effects.SENT, remote_id=ref.id, hint=done)
    if not begin([errand]):
        return Verdict(effects.WAITING, "another claim has it", in_doubt=True)
    connector.delete([ref])
    return Verdict(effects.SENT, remote_id=ref.id, hint=done)


def _read(connector: Connector, *refs: RecordRef) -> Mapping[str, Record]:
    """Read records by id, nothing but what became of them; each under the id that it was asked for by."""
    found: dict[str, Record] = {}
    wanted = {ref.id for ref in refs}
    for record in connector.read(refs, {}):
        found |= dict.fromkeys({record.ref.id, *record.merged_ids} & wanted, record)
    if not connector.missing_is_gone:
        return found
    gone = (ref for ref in refs if ref.id not in found)
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
