"""A person's word on whether a record is a deal that is known; pure."""

from __future__ import annotations

from mappings.playbook import Playbook
from model.change import Record
from model.decision import Because, Fetch, SettleReview
from model.event import EventState, StoredEvent
from sync.deciding import opportunities
from sync.deciding.batch import Batch
from sync.reasons import Reason
from sync.result import Result
from sync.same_deals import ANOTHER, ANSWERED, LEAVE, LEFT, OPEN, SAME


def answered(stored: StoredEvent, record: Record | None, batch: Batch, playbook: Playbook) -> Result:
    """Link the record to the deal that it is, make a deal of it, or leave it alone, as a person says.

    What has changed since the person looked is said, and nothing is done.
    """
    said, result = stored.event.payload, Result(stored, EventState.DONE)
    question, by = batch.questions.get(said["question"]), str(said["by"])
    if question is None or question.state != OPEN:
        return _because(result, f"question {said['question']} does not wait for a word any more")
    if said["answer"] == LEAVE:
        result.effects.append(SettleReview(question.id, LEFT))
        return _because(result, f"{question.what}: {by} leaves it alone")
    crm = playbook.crms.get(question.connection)
    if record is None or record.archived or crm is None or crm.deal is None:
        return _because(result, f"{question.what}: nothing is known of it any more; nothing was done")
    if (holder := batch.deal_holder(record.ref)) is not None:
        result.effects.append(SettleReview(question.id, ANSWERED))
        return _because(result, f"{question.what}: it is the record of deal {holder} by now")
    if said["answer"] == SAME:
        told = opportunities.said_to_be(stored, record, str(said["deal_id"]), batch, playbook)
    elif said["answer"] == ANOTHER:
        told = opportunities.said_to_be_new(stored, record, batch, playbook)
    else:
        return _because(result, f"{said['answer']} is no answer")
    if told.deals:
        told.effects += [SettleReview(question.id, ANSWERED), Fetch(*_place(record))]
        told.reasons.insert(0, Reason("follow", Because(f"{question.what}: {by} says which deal it is")))
    return told


def _place(record: Record) -> tuple[str, str, str]:
    return record.ref.connection, record.ref.object, record.ref.id


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("follow", Because(text)))
    return result
