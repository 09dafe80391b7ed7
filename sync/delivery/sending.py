"""The second step of a delivery: make the calls, with no transaction open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mappings.outward import difference, same_on
from mappings.playbook import ObjectMap
from mappings.values.hosts import spellings
from model.change import Exists, Gone, Outcome, Postponed, Record, RecordChange, Updated
from model.deal import PARTIES
from model.decision import EntityKind
from model.errors import NoBudget, Refusal, RetryLater
from model.event import JsonValue, RecordRef
from model.lead import Identity, Link
from sync.delivery.connecting import associate, take_part
from sync.delivery.ended import Ended, Moved, Written
from sync.delivery.target import Sending, Target
from sync.doubt import arrived


@dataclass(frozen=True, slots=True)
class Ready:
    """A known record that may be written, with what it was just read as, if it was."""

    sending: Sending
    values: Mapping[str, JsonValue]
    record: Record | None = None
    ours: Mapping[str, JsonValue] = field(default_factory=dict)  # of what was in doubt: it had arrived

    def change(self) -> RecordChange:
        """Return what is to be written, with what the record holds there as it was last seen."""
        shadow = self.sending.link.shadow if self.sending.link else {}
        seen = {**shadow, **(self.record.fields if self.record else {})}
        held = {name: seen.get(name) for name in self.values}
        return replace(_change(self.sending, self.values), held=held)

    def written(self, answer: Updated) -> Written:
        """Return the outcome of its update."""
        read = self.record.fields if self.record else {}
        return Written(
            answer.key,
            answer.ref,
            {**read, **answer.fields},
            {**self.ours, **self.values},
            is_read=self.record is not None,
            modified_at=answer.modified_at or (self.record.modified_at if self.record else None),
        )


def send(target: Target, sendings: Sequence[Sending]) -> Iterable[Ended]:
    """Make the calls; no transaction is open. Yields one outcome for each sending."""
    crm = target.playbook().crms[target.name]
    fields = {name: remote_names(object_map) for name, object_map in crm.all_objects.items()}
    if sendings and sendings[0].row.kind is EntityKind.ASSOCIATION:
        yield from associate(target, sendings)
        return
    if sendings and sendings[0].row.kind is EntityKind.PARTIES:
        yield from take_part(target, sendings)
        return
    for object_name in sorted({s.row.object for s in sendings}):
        mine = [s for s in sendings if s.row.object == object_name]
        yield from _send_new(target, [s for s in mine if s.link is None], fields)
        yield from _send_known(target, [s for s in mine if s.link is not None], fields)


def remote_names(object_map: ObjectMap) -> tuple[str, ...]:
    """Return the vendor fields that a merge looks at."""
    return tuple(dict.fromkeys(rule.remote for rule in object_map.fields))


def _send_new(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Outcome]:
    if not sendings:
        return
    connector = target.connector_for(sendings)
    answered: set[str] = set()
    for known in _read_mirrored(target, [s for s in sendings if s.mirrored], fields):
        answered.add(known.key)
        yield known
    sendings = [s for s in sendings if s.key not in answered]
    if not sendings:
        return
    changes = [_change(s, s.difference) for s in sendings]
    asked = changes
    kind = sendings[0].row.kind
    if kind is EntityKind.DEAL and not connector.asks_before_create:
        asked = [change for change in changes if change.is_repeated]
    elif kind is not EntityKind.ACCOUNT and not connector.asks_before_create:
        objects = target.playbook().crms[target.name].objects
        asked = [
            change for s, change in zip(sendings, changes, strict=True) if _may_be_there_unseen(s, objects)
        ]
    if asked:
        for outcome in connector.find(asked, fields):
            answered.add(outcome.key)
            yield outcome
    missing = [change for change in changes if change.key not in answered]
    if missing:
        yield from connector.create(missing, fields)


def _read_mirrored(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Exists | Postponed]:
    """Read by id the companies that the mirror has; who is gone there is looked for like any other."""
    keys: dict[RecordRef, list[str]] = {}  # two accounts may mean one company, which has both domains
    for sending in sendings:
        if sending.mirrored:
            keys.setdefault(sending.mirrored, []).append(sending.key)
    try:
        found = list(target.connector_for(sendings).read(list(keys), fields)) if keys else []
    except (RetryLater, Refusal) as error:
        yield from _postponed(sendings, error)
        return
    for record in found:
        if not record.archived:
            yield from (Exists(key, record) for key in keys.get(record.ref, ()))


def _may_be_there_unseen(sending: Sending, objects: Mapping[str, ObjectMap]) -> bool:
    """Say whether an earlier call may have made the person under an address they no longer have.

    Under the same address the CRM itself says that the person is there. An empty doubt is one of
    a restored store, which knows nothing of the calls made after the backup.
    """
    doubt = sending.row.in_flight
    if doubt is None:
        return False
    if not doubt:
        return True
    remotes = [rule.remote for rule in objects[sending.row.object].fields if rule.field == "email"]
    return any(sent != sending.draft.get(remote) for remote in remotes for sent in doubt.get(remote, ()))


def _send_known(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Ended]:
    ready = {s.key: Ready(s, s.difference) for s in sendings if not s.read_first}
    doubtful = [s for s in sendings if s.read_first]
    if doubtful:
        for item in _read_first(target, doubtful, fields):
            if isinstance(item, Ready):
                ready[item.sending.key] = item
            else:
                yield item
    if ready:
        connector = target.connector_for([one.sending for one in ready.values()])
        gone: dict[str, Gone] = {}
        for outcome in connector.update([one.change() for one in ready.values()]):
            if isinstance(outcome, Gone) and _is_let_go(ready[outcome.key].sending):
                gone[outcome.key] = outcome
            else:
                yield ready[outcome.key].written(outcome) if isinstance(outcome, Updated) else outcome
        if gone:
            yield from _with_last_words(target, [ready[key].sending for key in gone], gone, fields)


def _is_let_go(sending: Sending) -> bool:
    """Say whether a record that is gone is let go of: nothing of ours was ever written to it."""
    is_looked_up = sending.row.kind in (EntityKind.LEAD, EntityKind.ACCOUNT)
    return is_looked_up and sending.link is not None and not sending.link.written


def _with_last_words(
    target: Target, sendings: Sequence[Sending], gone: Mapping[str, Gone], fields: Mapping[str, Sequence[str]]
) -> Iterable[Ended]:
    """Read what people typed before the records were deleted: nobody asks once they are let go of."""
    refs = {s.key: s.ref(target.name) for s in sendings}
    try:
        connector = target.connector_for(sendings)
        read = {record.ref: record for record in connector.read(list(refs.values()), fields)}
    except (RetryLater, Refusal) as error:
        yield from _postponed(sendings, error)
        return
    for key, ref in refs.items():
        record = read.get(ref)
        yield replace(gone[key], record=record if record is not None and record.is_over else None)


def _read_first(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Ended | Ready]:
    """Read records by id before writing them; yields those that may be written with what is still missing."""
    playbook = target.playbook()
    crm = playbook.crms[target.name]
    refs = {s.key: s.ref(target.name) for s in sendings}
    try:
        connector = target.connector_for(sendings)
        read = {record.ref: record for record in connector.read(list(refs.values()), fields)}
    except (RetryLater, Refusal) as error:
        yield from _postponed(sendings, error)  # what was in doubt stays so
        return
    for sending in sendings:
        record, object_map = read.get(refs[sending.key]), crm.all_objects[sending.row.object]
        if record is None or record.is_over:
            yield Gone(sending.key, "the record was deleted in the CRM, or merged into another", record)
        elif _has_moved(sending, record, object_map):
            yield Moved(sending.key, record)
        else:
            ours = arrived(sending.row.in_flight or {}, record.fields, object_map)
            link = _as_read(sending.link, record, ours)
            missing = difference(sending.draft, link, object_map, playbook.lifecycle, of=sending.entity)
            ready = Ready(sending, missing, record, ours)
            yield ready if missing else ready.written(Updated(sending.key, record.ref, {}))


def _postponed(sendings: Sequence[Sending], error: RetryLater | Refusal) -> Iterable[Postponed]:
    """Put off what cannot be read just now."""
    wait = error.wait if isinstance(error, RetryLater) else None
    untried = isinstance(error, NoBudget)
    yield from (Postponed(s.key, str(error), wait, untried=untried) for s in sendings)


def _as_read(link: Link | None, record: Record, ours: Mapping[str, JsonValue]) -> Link | None:
    """Return the link as the record was just read: what differs from that is what must be written."""
    if link is None:
        return None
    return replace(link, shadow={**link.shadow, **record.fields}, written={**link.written, **ours})


def _has_moved(sending: Sending, record: Record, object_map: ObjectMap) -> bool:
    """Say whether the record holds anything that neither side agreed on nor we may have written."""
    shadow = sending.link.shadow if sending.link else {}
    ours = arrived(sending.row.in_flight or {}, record.fields, object_map)
    return any(
        name not in ours and not same_on(object_map, name, record.fields.get(name), shadow.get(name))
        for name in remote_names(object_map)
    ) or any(
        list(record.fields[name]) != list(shadow.get(name) or ()) for name in PARTIES if name in record.fields
    )


def _change(sending: Sending, values: Mapping[str, JsonValue]) -> RecordChange:
    keys = [Identity(str(sending.row.kind), sending.entity.id)]
    if address := sending.entity.fields.get("email"):
        keys.append(Identity("email", address))
    if domain := sending.entity.fields.get("domain"):
        keys += [Identity("domain", each) for each in spellings(str(domain))]
    keys += sending.parties
    return RecordChange(
        key=sending.key,
        object=sending.row.object,
        fields=values,
        remote_id=sending.link.remote_id if sending.link else None,
        identities=tuple(keys),
        is_repeated=sending.row.in_flight is not None,
    )
