"""Which version of a record was read: one that is behind what is known of it says nothing new. Pure.

People's records and companies' are judged alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mappings.outward import same_on
from mappings.playbook import ObjectMap, Playbook
from model.change import Record
from model.deal import PARTIES
from model.decision import Effect, Fetch, RecordConflict
from model.event import StoredEvent
from model.lead import Link
from model.times import from_text
from sync.doubt import Doubt, arrived

OLDER = "an older version than the one that is known"
BEHIND = "it shows a value that leadrelay has replaced: it may be from before; it is read by id"
OVERTAKEN = "the record was merged as it is now while this was on its way; nothing of it is taken"
IN_DOUBT = "another version was merged meanwhile, and which is later cannot be told; it is read by id"
LET_GO = "it was let go of while this was on its way; it is read by id"
APART = 2.0  # seconds by which the clocks of two machines may differ


@dataclass(frozen=True, slots=True)
class Sight:
    """When and how a record was read."""

    read_at: datetime
    by_id: bool  # else by a search, which may lag
    history: bool  # its history was asked for; what is missing of it does not come

    @classmethod
    def of(cls, stored: StoredEvent) -> Sight:
        """Read it out of an event."""
        payload = stored.event.payload
        told = payload.get("read_at")
        read_at = from_text(told) if told else stored.event.received_at
        return cls(read_at, bool(payload.get("by_id")), bool(payload.get("history")))


def differs(record: Record, link: Link, object_map: ObjectMap) -> bool:
    """Say whether a record says what its link does not: in a mapped field, or in who takes part in a deal."""
    fields = (rule.remote for rule in object_map.fields if rule.remote in record.fields)
    parties = (name for name in PARTIES if name in record.fields)
    return any(
        not same_on(object_map, name, record.fields[name], link.shadow.get(name)) for name in fields
    ) or any(list(record.fields[name]) != list(link.shadow.get(name) or ()) for name in parties)


def is_older(record: Record, link: Link) -> bool:
    """Say whether the record was read before a version of it that is known."""
    return (
        record.modified_at is not None
        and link.modified_at is not None
        and record.modified_at < link.modified_at
    )


def read_on_the_way(
    stored: StoredEvent, record: Record, link: Link | None, object_map: ObjectMap | None, sent: Doubt
) -> tuple[str, list[Effect]]:
    """Say why nothing is taken of what a delivery has read, and what follows; blank where it is taken.

    A delivery tells of what it read once all of its calls are over. The record may have been read and merged
    by others meanwhile: its event names the revision of the link with which the calls were planned (``rev``).
    Salesforce's stamps are whole seconds, so of two versions with one stamp it cannot be told which is later.
    """
    ref = record.ref
    if link is None or object_map is None or (link.object, link.remote_id) != (ref.object, ref.id):
        return "", []
    if is_older(record, link):
        return OVERTAKEN, list(overwritten(record, link, object_map, sent))
    rev = stored.event.payload.get("rev")
    if rev in (None, link.rev) or is_later(record, link) or not differs(record, link, object_map):
        return "", []
    return IN_DOUBT, [Fetch(ref.connection, ref.object, ref.id)]


def is_let_go(stored: StoredEvent, link: Link | None) -> bool:
    """Say whether a record that a delivery has read was linked when it was planned, and is no more."""
    return link is None and bool(stored.event.payload.get("rev"))


def is_later(record: Record, link: Link) -> bool:
    """Say whether the record is a later version than any that is known."""
    return (
        record.modified_at is not None
        and link.modified_at is not None
        and record.modified_at > link.modified_at
    )


def not_believed(
    record: Record, link: Link, object_map: ObjectMap, sent: Doubt, sight: Sight
) -> tuple[str, list[Effect]]:
    """Say why a version that was read is not believed, and have it read by id; blank where it is believed.

    What was read by id already is read again once the clocks of whoever read and whoever wrote agree on
    what was before.
    """
    if may_be_behind(record, link, object_map, sent, sight):
        why = BEHIND
    elif may_be_before(record, link, object_map, sight):
        why = IN_DOUBT
    else:
        return "", []
    ref = record.ref
    return why, [Fetch(ref.connection, ref.object, ref.id, wait=APART if sight.by_id else 0.0)]


def may_be_before(record: Record, link: Link, object_map: ObjectMap, sight: Sight) -> bool:
    """Say whether a version of the same moment that was merged already may be the later one.

    Several processes read, and what one read first may be told last; Salesforce's stamps are whole seconds.
    """
    if link.read_at is None or sight.read_at >= link.read_at or is_later(record, link):
        return False
    return differs(record, link, object_map)


def may_be_behind(record: Record, link: Link, object_map: ObjectMap, sent: Doubt, sight: Sight) -> bool:
    """Say whether a value that a write of ours has replaced is shown by a read that may be from before.

    Where there was none before, that is a blank in the place of what we wrote.
    """
    is_after = link.wrote_at is None or sight.read_at > link.wrote_at + timedelta(seconds=APART)
    if sight.by_id and is_after:
        return False
    ours = arrived(sent, record.fields, object_map)
    for name, replaced in link.recent.items():
        held = record.fields.get(name)
        if name not in record.fields or name in ours:
            continue
        if same_on(object_map, name, held, link.shadow.get(name)):
            continue
        if any(same_on(object_map, name, held, value) for value in replaced):
            return True
    return any(
        record.fields.get(name) in (None, "")
        and value not in (None, "")
        and name in record.fields
        and name not in ours
        and same_on(object_map, name, link.shadow.get(name), value)
        for name, value in link.written.items()
    )


def with_last_words(record: Record, link: Link) -> Record:
    """Return a record that is over with the edits that were read of it and waited for its history.

    None comes any more. A record that was read whole has its last words already; HubSpot tells of a deleted
    one that it is gone and nothing else.
    """
    seen = {name: one.seen.value for name, one in link.disputes.items() if one.seen is not None}
    if record.fields or not seen:
        return record
    return replace(record, fields={**link.shadow, **seen})


def tells(record: Record, link: Link, object_map: ObjectMap | None) -> bool:
    """Say whether a record that is over still tells something: it was read whole, and not before."""
    return bool(record.fields) and object_map is not None and not is_older(record, link)


def says_more(last: Record, link: Link, playbook: Playbook) -> bool:
    """Say whether the last words of a record that is over hold what its link does not know."""
    crm = playbook.crms.get(link.connection)
    object_map = crm.map_of(link.object) if crm is not None else None
    return object_map is not None and tells(last, link, object_map) and differs(last, link, object_map)


def overwritten(record: Record, link: Link, object_map: ObjectMap, sent: Doubt) -> Iterator[RecordConflict]:
    """Yield what an older version held and nobody has seen: a write of ours took its place."""
    ours = arrived(sent, record.fields, object_map)
    for rule in object_map.fields:
        name, held = rule.remote, record.fields.get(rule.remote)
        if held in (None, "") or name in ours:
            continue
        known = (link.shadow.get(name), link.written.get(name), *link.recent.get(name, ()))
        if not any(same_on(object_map, name, held, value) for value in known):
            why = "overwritten before it was seen"
            yield RecordConflict(link.connection, rule.field, link.shadow.get(name), held, why)
