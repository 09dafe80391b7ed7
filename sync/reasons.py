"""Because-lines as the audit keeps them and ``explain`` shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from model.decision import Because, Reason
from model.event import EventKind, JsonValue, RecordRef
from model.lead import Link


def reason_row(reason: Reason) -> dict[str, JsonValue]:
    """Return a reason as it is stored and shown."""
    at = reason.because.at
    row: dict[str, JsonValue] = {
        "handler": reason.handler,
        "text": reason.because.text,
        "at": str(at) if at else None,
    }
    if reason.because.candidates:
        row["candidates"] = [dict(one) for one in reason.because.candidates]
    return row


def chapter(
    kind: EventKind,
    source: str,
    playbook: str,
    reasons: Iterable[Reason],
    seq: int | None = None,
    version: int = 0,
) -> dict[str, JsonValue]:
    """Return the audit's details of one thing that happened to a lead; ``seq`` if the decider decided it.

    ``playbook`` is the hash of the version that did, ``version`` its number in the register.
    """
    return {
        "kind": str(kind),
        "source": source,
        "seq": seq,
        "playbook": playbook,
        "version": version,
        "reasons": [reason_row(reason) for reason in reasons],
    }


def created(ref: RecordRef) -> Reason:
    """Return why a lead has a link it had not: we made the record."""
    return Reason("deliver", Because(f"created in {ref.connection} as {ref.object} {ref.id}; linked"))


def found_as(where: str, ref: RecordRef, known: Link | None) -> Because:
    """Say that a record was found and is linked from now on, or that one that was linked was looked at."""
    if known is not None and (known.object, known.remote_id) == (ref.object, ref.id):
        return Because(f"looked at in {where}: {ref.object} {ref.id}")
    return Because(f"found in {where} as {ref.object} {ref.id}; linked")
