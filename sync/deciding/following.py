"""What a record that has changed in a CRM means for its lead: merged, followed, gone, or adopted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from mappings.outward import inward_record, same_on
from mappings.playbook import CrmMap, ObjectMap
from model.change import Record
from model.decision import (
    AskReview,
    Because,
    ClaimIdentity,
    Effect,
    Fetch,
    ForgetRecord,
    NoteErasure,
    NoteRestored,
    RecordConflict,
    SettleReviews,
)
from model.event import EventState, JsonValue, RecordRef, StoredEvent
from model.hint import DIFFERS, Hint
from model.lead import Lead, Link
from sync import forget
from sync.deciding import carrying, deleting, finding
from sync.deciding.batch import Batch
from sync.deciding.carrying import SECOND
from sync.deciding.joining import join
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.uniting import unite
from sync.drafts import copy_of, new_lead_id
from sync.links import record_key
from sync.merging.versions import (
    LET_GO,
    OLDER,
    Sight,
    differs,
    is_let_go,
    is_older,
    not_believed,
    overwritten,
    read_on_the_way,
    tells,
    with_last_words,
)
from sync.reasons import Reason
from sync.records import person_keys
from sync.result import Result, keep_quiet

# "Contacts": propertiesWithHistory; Salesforce keeps it for tracked fields only
KEEPS_HISTORIES = ("hubspot",)

UNDER_WAY_WAIT = 2.0  # seconds until it is looked again whether a call has come to its end


def hinted(stored: StoredEvent, hint: Hint, batch: Batch, pipeline: Pipeline) -> Result:
    """Decide whether a record that a CRM named is to be read: not where it said what is known."""
    result = Result(stored, EventState.DONE)
    name = stored.event.source
    crm = pipeline.playbook.crms.get(name)
    if crm is None or (crm.map_of(hint.object) is None and hint.object not in crm.match):
        return _because(result, f"the map of {name} leaves {hint.object} out")
    ref = RecordRef(name, hint.object, hint.id)
    link = _link_of(ref, batch)
    result.lead_id = batch.lead_id_of(record_key(ref))
    object_map = crm.map_of(hint.object)
    if hint.what == "changed" and hint.field and link is not None and object_map is not None:
        if hint.field not in {rule.remote for rule in object_map.fields}:
            return _because(result, f"{hint.field} is not in the map")
        if same_on(object_map, hint.field, hint.value, link.shadow.get(hint.field)):
            return _because(result, f"{hint.field}: {name} says what is known")
    if hint.what == DIFFERS:
        return _differing(result, hint, link, batch)
    if hint.what == "forgotten":
        result.effects.append(NoteErasure(ref))
    for one in (hint.id, *hint.others):
        result.effects.append(Fetch(name, hint.object, one))
    return _because(result, f"{name} says that {hint.object} {hint.id} was {hint.what}; it is read")


def _differing(result: Result, hint: Hint, link: Link | None, batch: Batch) -> Result:
    """Have a record read of which a reconcile says that it is not what is known of it.

    A field of which the shadow is wrong is dropped from it first: what the record holds then counts as
    a change of its people.
    """
    name = result.stored.event.source
    result.effects.append(Fetch(name, hint.object, hint.id, is_mend=True))
    if hint.field is not None and link is not None and hint.field in link.shadow and result.lead_id:
        result.before, result.lead = batch.lead(result.lead_id), copy_of(batch.lead(result.lead_id))
        shadow = {each: value for each, value in link.shadow.items() if each != hint.field}
        result.lead.links[name] = replace(link, shadow=shadow)
        _because(result, f"{name}: what was agreed on {hint.field} is not known any more")
    return _because(result, f"{name}: {hint.object} {hint.id} was found to differ by a reconcile; it is read")


def changed(stored: StoredEvent, record: Record, batch: Batch, pipeline: Pipeline) -> Result:
    """Decide what a person's record as it is now means for the lead it belongs to, if any."""
    result = Result(stored, EventState.DONE)
    ref = record.ref
    crm = pipeline.playbook.crms.get(ref.connection)
    if crm is None:
        return _because(result, f"the playbook has no connection {ref.connection} any more")
    result.effects.extend(carrying.seen(record))
    holder = batch.lead_id_of(record_key(ref))
    if record.became is not None:
        return _follow(result, record, record.became, holder, batch, pipeline)
    former = _former_holders(record, batch)
    if record.archived:
        return _gone(result, record, holder, batch, pipeline)
    known = [*([holder] if holder else []), *(one for one in former if one != holder)]
    if len(known) > 1:
        return _one_person(result, record, ref, known, batch, pipeline)
    if known:
        return _merged(result, record, known[0], crm, batch, pipeline)
    return _unknown(result, record, crm, batch, pipeline)


def found(stored: StoredEvent, record: Record, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Decide what a record means that a call met: another record than the lead's by now is a second one.

    The lead was taken into one with a record of its own meanwhile, or got one.
    """
    ref, before = record.ref, batch.lead(lead_id)
    link = before.links.get(ref.connection)
    is_another = (
        link is not None
        and link.gone_at is None
        and ref.id not in (link.remote_id, *link.aliases)
        and link.remote_id not in record.merged_ids
        and batch.lead_id_of(record_key(ref)) in (None, lead_id)
    )
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    if is_let_go(stored, link):
        result.effects.append(Fetch(ref.connection, ref.object, ref.id))
        return _because(result, LET_GO)
    if link is None or record.is_part or finding.is_of_match_pass(stored.event):
        return finding.found(stored, record, lead_id, batch, pipeline)
    if is_another:
        return _second_record(result, record, before, link)
    sent = stored.event.payload.get("sent") or {}
    object_map = pipeline.playbook.crms[ref.connection].map_of(ref.object)
    why, follows = read_on_the_way(stored, record, link, object_map, sent)
    if not why:
        return finding.found(stored, record, lead_id, batch, pipeline)
    result.effects.extend(follows)
    pipeline.run_after(result, copy_of(before), batch, ("writeback",))  # what was to be written still is
    return _because(result, why)


def _merged(
    result: Result, record: Record, lead_id: str, crm: CrmMap, batch: Batch, pipeline: Pipeline
) -> Result:
    """Merge a record with the lead it belongs to, unless what was read is behind what is known."""
    before = batch.lead(lead_id)
    link, sight = before.links.get(crm.connection), Sight.of(result.stored)
    result.lead_id = lead_id
    sent = batch.in_flight(crm.connection, lead_id)
    object_map = crm.map_of(record.ref.object)
    if link is not None and object_map is not None and link.remote_id == record.ref.id:
        if is_older(record, link):
            result.effects.extend(overwritten(record, link, object_map, sent))
            return _because(result, OLDER)
        why, read_again = not_believed(record, link, object_map, sent, sight)
        if why:
            result.effects.extend(read_again)
            return _because(result, why)
    if (
        link is not None
        and link.gone_at is None
        and link.remote_id not in (record.ref.id, *record.merged_ids)
    ):
        return _second_record(result, record, before, link)
    draft = copy_of(before)
    histories = crm.kind in KEEPS_HISTORIES and not sight.history  # none has come: decided without
    effects, reasons = _united(result, draft, record, crm, batch, pipeline, histories=histories)
    if link is not None and link.gone_at is not None and link.remote_id == record.ref.id:
        result.effects.append(NoteRestored(record.ref))
    if any(
        isinstance(effect, Fetch) for effect in effects
    ):  # both sides moved: its history says who was later
        result.before, result.lead = before, draft
        result.effects.extend(effects)
        return _because(result, "both sides have changed it; the record's history is read")
    is_seen = link is not None and link.read_at is not None
    if (
        link is not None
        and is_seen
        and _is_same(link, draft.links[crm.connection])
        and draft.fields == before.fields
    ):
        return _because(result, "it holds what is known of it")
    result.before, result.lead = before, draft
    result.effects.extend(effects)
    result.reasons.extend(reasons)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return result


def _united(
    result: Result,
    draft: Lead,
    record: Record,
    crm: CrmMap,
    batch: Batch,
    pipeline: Pipeline,
    *,
    histories: bool = False,
) -> tuple[list[Effect], list[Reason]]:
    """Merge a record into a draft; return what follows, and why."""
    return unite(
        draft,
        record,
        crm,
        pipeline.playbook,
        batch,
        where=crm.connection,
        read_at=Sight.of(result.stored).read_at,
        event_id=result.stored.id,
        sent=batch.in_flight(crm.connection, draft.id),
        histories=histories,
    )


def _take_in(
    result: Result, draft: Lead, record: Record, crm: CrmMap, batch: Batch, pipeline: Pipeline
) -> None:
    effects, reasons = _united(result, draft, record, crm, batch, pipeline)
    result.effects.extend(effects)
    result.reasons.extend(reasons)


def _is_same(link: Link, now: Link) -> bool:
    return link.gone_at is None and (
        link.object,
        link.remote_id,
        link.shadow,
        link.written,
        link.disputes,
    ) == (
        now.object,
        now.remote_id,
        now.shadow,
        now.written,
        now.disputes,
    )


def _follow(
    result: Result,
    record: Record,
    became: RecordRef,
    holder: str | None,
    batch: Batch,
    pipeline: Pipeline,
) -> Result:
    """Move the link to the record that this one was turned into; what that holds is read next."""
    ref = record.ref
    if holder is None:
        result.lead_id = batch.lead_id_of(record_key(became))
        return _because(result, f"{ref.object} {ref.id} became {became.object} {became.id}; nobody's record")
    result.lead_id = holder
    other = batch.lead_id_of(record_key(became))
    if other is not None and other != holder:
        return _one_person(result, record, became, [other, holder], batch, pipeline)
    before = batch.lead(holder)
    link = before.links.get(ref.connection)
    if link is None or (link.object, link.remote_id) != (ref.object, ref.id):
        return _because(result, "the lead is linked to another record by now")
    draft = copy_of(before)
    crm = pipeline.playbook.crms[ref.connection]
    if tells(record, link, crm.map_of(record.ref.object)):
        _take_in(result, draft, record, crm, batch, pipeline)  # what people typed before it was turned
    draft.links[ref.connection] = Link(
        connection=ref.connection,
        object=became.object,
        remote_id=became.id,
        shadow=_came_along(draft.links[ref.connection], crm.map_of(ref.object), crm.map_of(became.object)),
        written=draft.links[ref.connection].written,  # it came along, under the same names
        rev=link.rev,
        aliases=(*link.aliases, link.remote_id),
    )
    result.before, result.lead = before, draft
    result.effects += [Fetch(ref.connection, became.object, became.id), SettleReviews(SECOND)]
    return _because(
        result, f"{ref.connection}: {ref.object} {ref.id} became {became.object} {became.id}; followed"
    )


def _came_along(link: Link, before: ObjectMap | None, now: ObjectMap | None) -> Mapping[str, JsonValue]:
    """Return what was agreed with a record, by the names that the one has which it was turned into.

    Salesforce copies a Lead's values into a Contact that it makes; one that was there keeps its own ("Convert
    Leads"). So a value counts as agreed only where the Contact turns out to hold it (``sync/merging``). A
    record that others were merged into was there before.
    """
    if before is None or now is None or before is now:
        return {}
    held = {rule.field: link.shadow[rule.remote] for rule in before.fields if rule.remote in link.shadow}
    return {rule.remote: held[rule.field] for rule in now.fields if rule.field in held}


def _gone(result: Result, record: Record, holder: str | None, batch: Batch, pipeline: Pipeline) -> Result:
    """Mark the link of a record that was deleted; what the map says follows, unless they are too many."""
    ref = record.ref
    before = batch.lead(holder) if holder else None
    link = before.links.get(ref.connection) if before else None
    erased = deleting.is_erased(record, batch)
    if erased:
        result.effects.append(ForgetRecord(ref))
    if before is None or link is None or (link.object, link.remote_id) != (ref.object, ref.id):
        return _because(result, f"{ref.object} {ref.id} was deleted; nobody's record")
    result.lead_id = before.id
    crm = pipeline.playbook.crms[ref.connection]
    is_listed = not (erased or Sight.of(result.stored).by_id)
    if is_listed and link.gone_at is None and is_older(record, link):
        result.effects.append(Fetch(ref.connection, ref.object, ref.id))
        return _because(
            result, f"{ref.object} {ref.id}: a deletion from before what is known; it is read by id"
        )
    object_map, record = crm.map_of(ref.object), with_last_words(record, link)
    is_news = tells(record, link, object_map)
    is_new = link.gone_at is None or batch.deletions.is_pending(ref)
    if not (is_new or erased or (is_news and object_map is not None and differs(record, link, object_map))):
        return _because(result, f"{ref.object} {ref.id} is known to be deleted")
    draft = copy_of(before)
    if is_news:
        _take_in(result, draft, record, crm, batch, pipeline)  # what people typed before they deleted it
    draft.links[ref.connection] = replace(draft.links[ref.connection], gone_at=result.stored.decided_at)
    result.before, result.lead = before, draft
    text = f"{ref.connection}: {ref.object} {ref.id} was deleted there; it is not written to, nor made anew"
    _because(result, text)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    if is_new or erased:
        deleting.weigh(result, draft, ref, batch, pipeline, is_new=is_new, erased=erased)
    return result


def _unknown(result: Result, record: Record, crm: CrmMap, batch: Batch, pipeline: Pipeline) -> Result:
    """Find whose a record of nobody is, by our id or its address; else adopt the person, if the map does."""
    object_map = crm.objects.get(record.ref.object)
    if object_map is None:
        return _because(result, f"the map of {crm.connection} leaves {record.ref.object} out")
    lead_id = _lead_known(record, object_map, crm, batch)
    if lead_id is None and (why := _why_forgotten(result.stored, record, object_map, crm, batch)):
        result.effects.append(ForgetRecord(record.ref))
        return _because(result, why)
    if lead_id is None:
        return _adopted(result, record, crm, object_map, batch, pipeline)
    before = batch.lead(lead_id)
    result.lead_id = lead_id
    link = before.links.get(crm.connection)
    if link is not None and link.gone_at is None:
        return _second_record(result, record, before, link)
    draft = copy_of(before)
    result.before, result.lead = before, draft
    _take_in(result, draft, record, crm, batch, pipeline)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    keep_quiet(result, "found in a CRM, which is no news")
    return result


def _why_forgotten(
    stored: StoredEvent, record: Record, object_map: ObjectMap, crm: CrmMap, batch: Batch
) -> str:
    """Return why nothing may be kept of a record of nobody's; blank where it may."""
    forgotten_at = batch.forgotten_records.get(record.ref)
    if forgotten_at is not None and Sight.of(stored).read_at <= forgotten_at:
        return "it was read before it was forgotten; nothing of it is kept"
    said = person_keys(inward_record(record.fields, object_map, crm.connection, batch))
    if any(forget.hash_of(key) in batch.forgotten for key in said):
        return "not adopted: the person was erased in a CRM, for privacy, and forgotten here"
    return ""


def _lead_known(record: Record, object_map: ObjectMap, crm: CrmMap, batch: Batch) -> str | None:
    ours = record.fields.get(object_map.id_field) if object_map.id_field else None
    if isinstance(ours, str) and batch.knows(ours):
        return batch.present_id(ours)
    said = inward_record(record.fields, object_map, crm.connection, batch)
    for key in person_keys(said):
        if key.kind == "email" and (found := batch.lead_id_of(key)) is not None:
            return found
    return None


def _second_record(result: Result, record: Record, lead: Lead, link: Link) -> Result:
    """A person who has a record there already has another one."""
    ref = record.ref
    if link.object != ref.object:  # a Lead that is being converted: the Contact may be seen before
        result.effects.append(Fetch(link.connection, link.object, link.remote_id))
        _because(result, f"{link.object} {link.remote_id} of the person is read: it may have become this")
    detail: Mapping[str, JsonValue] = {
        "lead": lead.id,
        "connection": ref.connection,
        "object": ref.object,
        "records": sorted([link.remote_id, ref.id]),
    }
    result.effects.append(AskReview(SECOND, detail))
    return _because(
        result, f"the person has {link.object} {link.remote_id} there already; a review asks which"
    )


def _adopted(
    result: Result,
    record: Record,
    crm: CrmMap,
    object_map: ObjectMap,
    batch: Batch,
    pipeline: Pipeline,
) -> Result:
    stored = result.stored
    if not crm.adopts or record.ref.object not in crm.match:
        return _because(result, "no lead; people who are born there are not adopted")
    if object_map.id_field and record.fields.get(object_map.id_field):
        return _because(result, "it bears the id of a lead that this store does not know: it is not adopted")
    if crm.connection not in batch.rosters():
        return _because(result, f"not adopted: the owners of {crm.connection} are not known yet")
    draft = Lead(id=new_lead_id(stored), space=stored.event.space, created_at=stored.decided_at)
    draft.fields = {
        name: value
        for name, value in inward_record(record.fields, object_map, crm.connection, batch).items()
        if value is not None
    }
    if crm.adopt_when is not None and not crm.adopt_when.matches(draft):
        return _because(result, f"no lead; only those are adopted of whom holds: {crm.adopt_when.text}")
    draft.fields = {}
    result.state, result.lead, result.lead_id = EventState.NEW, draft, draft.id
    _because(result, f"adopted: {crm.connection} {record.ref.object} {record.ref.id} is nobody's yet")
    _take_in(result, draft, record, crm, batch, pipeline)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    keep_quiet(result, "adopted from a CRM, whose people know")
    return result


def _one_person(
    result: Result,
    record: Record,
    winner: RecordRef,
    lead_ids: Sequence[str],
    batch: Batch,
    pipeline: Pipeline,
) -> Result:
    """The CRM's people say of several leads that they are one person: the first takes the others in.

    ``record`` says so. What the winner holds is merged next, when it is read by id.
    """
    ref = winner
    result.lead_id = lead_ids[0]
    if not all(batch.may_be_joined(one) for one in lead_ids):
        result.effects.extend(_once_more(record, lead_ids, batch))
        return _because(result, "the leads have just changed; the record is read again")
    if any(map(batch.is_under_way, lead_ids)):
        result.effects.extend(_once_more(record, lead_ids, batch, wait=UNDER_WAY_WAIT))
        return _because(result, "a call to one of the leads is under way; the record is read again")
    result.effects.append(Fetch(ref.connection, ref.object, ref.id))
    before = batch.lead(lead_ids[0])
    draft = copy_of(before)
    for lead_id in lead_ids[1:]:
        other = batch.lead(lead_id)
        whole = _with_last_words(result, other, record, batch, pipeline)
        carry = partial(carrying.carried, pipeline.playbook.crms, batch.why_shut, result.stored.id)
        crms, lifecycle = pipeline.playbook.crms, pipeline.playbook.lifecycle
        purposes = pipeline.playbook.consent.by_field
        effects, reasons = join(
            draft, whole, lifecycle, where=ref.connection, crms=crms, carry=carry, purposes=purposes
        )
        result.effects.extend(effects)
        result.reasons.extend(reasons)
        result.absorbed.append(other)
    result.before, result.lead = before, draft
    text = f"{ref.connection}: {ref.object} {ref.id} is now the record of {' and '.join(lead_ids)}"
    _because(result, text)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    keep_quiet(result, "merged in a CRM, whose people know")
    return result


def _once_more(
    record: Record, lead_ids: Sequence[str], batch: Batch, *, wait: float = 0.0
) -> Iterator[Fetch]:
    """Let a record that several leads' were merged into be read again, and theirs with it.

    It may be gone by then, and what is deleted tells of no merge: theirs say so themselves.
    """
    ref = record.ref
    links = (batch.lead(one).links.get(ref.connection) for one in lead_ids if batch.knows(one))
    merged = (link.remote_id for link in links if link is not None and link.remote_id in record.merged_ids)
    for each in dict.fromkeys((ref.id, *merged)):
        yield Fetch(ref.connection, ref.object, each, wait=wait)


def _with_last_words(result: Result, lead: Lead, record: Record, batch: Batch, pipeline: Pipeline) -> Lead:
    """Return a lead that is taken in with what people typed into its record before that was merged away."""
    crm, link = pipeline.playbook.crms[record.ref.connection], lead.links.get(record.ref.connection)
    if record.became is None or link is None or link.remote_id != record.ref.id:
        return lead
    if not tells(record, link, crm.map_of(record.ref.object)):
        return lead
    draft = copy_of(lead)
    effects, reasons = _united(result, draft, record, crm, batch, pipeline)
    # Its stage and owner are weighed by the join; nothing of it waits for a person any more.
    result.effects.extend(one for one in effects if isinstance(one, RecordConflict | ClaimIdentity))
    result.reasons.extend(reasons)
    return draft


def _former_holders(record: Record, batch: Batch) -> list[str]:
    ref = record.ref
    found: Iterable[str | None] = (
        batch.lead_id_of(record_key(RecordRef(ref.connection, ref.object, each)))
        for each in record.merged_ids
    )
    return list(dict.fromkeys(one for one in found if one is not None))


def _link_of(ref: RecordRef, batch: Batch) -> Link | None:
    holder = batch.lead_id_of(record_key(ref))
    link = batch.lead(holder).links.get(ref.connection) if holder else None
    return link if link is not None and (link.object, link.remote_id) == (ref.object, ref.id) else None


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("follow", Because(text)))
    return result
