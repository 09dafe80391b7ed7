"""A CRM's record taken into a draft of the lead: merged, linked, its keys claimed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from handlers.base import Lookups
from mappings.moving import entering, pass_of
from mappings.playbook import CrmMap, Playbook
from mappings.values.identity import email_identity, is_role_address
from model.change import Record
from model.decision import AskReview, Assigned, Because, ClaimIdentity, Effect, EnterStage, Fetch
from model.dispute import CALM, Seen
from model.entity import Entity
from model.event import JsonValue
from model.lead import OPT_OUT, Lead, Link, Provenance
from sync.doubt import Doubt
from sync.merging.merge import Merged, merge, opt_out_said
from sync.reasons import Reason, found_as
from sync.records import person_keys


def unite(
    draft: Lead,
    record: Record,
    crm: CrmMap,
    playbook: Playbook,
    lookups: Lookups,
    *,
    where: str,
    read_at: datetime,
    event_id: int,
    sent: Doubt,
    histories: bool = False,
) -> tuple[list[Effect], list[Reason]]:
    """Merge a record into the draft and link the two; return what follows from it, and why.

    ``where`` says in words where the record was found, ``read_at`` when it was read, ``sent`` what
    of ours may have reached it, ``histories`` that it can be read with its history. Of a part of a
    record only the opt-out is taken. Where the history must be read first, the draft's link remembers what
    was seen, all else stays as it is, and the one effect is to read it.
    """
    if record.is_part:
        origin = Provenance(crm.connection, record.modified_at or read_at, event_id, by_people=True)
        return [], list(_hear(draft, record, crm, origin))
    merged = merge(draft, record, crm, playbook, lookups, now=read_at, sent=sent, histories=histories)
    if merged.undecided:
        ref = record.ref
        asked = Fetch(ref.connection, ref.object, ref.id, history=True)
        if link := draft.links.get(crm.connection):
            draft.links[crm.connection] = with_seen(link, merged.undecided)
        return [asked], [Reason("merge", because) for because in merged.because]
    owner, stage = draft.owner, draft.stage
    way = dict(draft.fields) if "stage" in merged.fields else {}
    others = _leave_anothers_address(merged, draft, record, lookups)
    found = found_as(where, record.ref, draft.links.get(crm.connection))
    draft.links[crm.connection] = merged.link
    seen_at = record.modified_at or read_at
    put_in(draft, merged, Provenance(crm.connection, seen_at, event_id, by_people=True))
    effects: list[Effect] = [*merged.conflicts, *merged.holds, *others]
    if "stage" in merged.fields:
        to = str(merged.fields["stage"])
        draft.fields |= entering(playbook.lifecycle, way, stage, to)
        effects.append(EnterStage(to, stage, crm.connection, pass_of(draft.fields)))
    if merged.fields.get("owner"):
        effects.append(Assigned(merged.fields["owner"], owner))
    because = [found, *merged.because]
    for claimed in claim_keys(draft, merged.fields, playbook, lookups):
        if isinstance(claimed, Because):
            because.append(claimed)
        else:
            effects.append(claimed)
    return effects, [Reason("merge", each) for each in because]


def with_seen(link: Link, undecided: Mapping[str, JsonValue]) -> Link:
    """Return a link that remembers what fields held of which it is not decided yet who was later."""
    seen = {
        remote: replace(link.disputes.get(remote, CALM), seen=Seen(value))
        for remote, value in undecided.items()
    }
    return replace(link, disputes={**link.disputes, **seen})


def _leave_anothers_address(merged: Merged, draft: Lead, record: Record, lookups: Lookups) -> list[AskReview]:
    """Leave an address that is another lead's where it is, and ask a person whether the two are one.

    Taken over it would be sent to a CRM that keeps addresses unique, and has it on the other's record.
    """
    address = merged.fields.get("email")
    holder = lookups.lead_id_of(email_identity(str(address))) if address else None
    if holder in (None, draft.id):
        return []
    del merged.fields["email"]
    ref = record.ref
    detail = {"leads": sorted([draft.id, str(holder)]), "connection": ref.connection}
    text = f"email: not taken from {ref.connection}, it is a key of lead {holder}; a review asks"
    merged.because.append(Because(text))
    return [AskReview("same_person", detail | {"object": ref.object, "record": ref.id})]


def put_in(draft: Entity, merged: Merged, origin: Provenance) -> None:
    """Bring the values that a merge found into the draft, each with the moment at which it became true.

    A value in another's place may be what a record elsewhere still holds: somebody has said it all the same.
    """
    for name, value in merged.fields.items():
        if value is None:
            draft.fields.pop(name, None)  # its provenance stays: an older post does not refill it
        else:
            draft.fields[name] = value
        said_at = merged.link.read_at if name in draft.provenance else None
        draft.provenance[name] = replace(origin, at=merged.times.get(name, origin.at), confirmed_at=said_at)
    for name, at in merged.confirmed.items():
        known = draft.provenance.get(name)
        moments = [one for one in (at, known.at if known else None) if one is not None]
        since = max(moments, default=origin.at)
        draft.provenance[name] = replace(origin, at=since, confirmed_at=merged.link.read_at)


def _hear(draft: Lead, record: Record, crm: CrmMap, origin: Provenance) -> Iterator[Reason]:
    """Take what was read of an opt-out before something was sent; links and all other fields stay.

    What was read may be of the record that the linked one was turned into, so that any map's field counts.
    """
    ref = record.ref
    yield Reason("merge", Because(f"{ref.object} {ref.id} was read in {crm.connection} before sending"))
    for object_map in crm.objects.values():
        if said := opt_out_said(draft, record, object_map):
            draft.fields[OPT_OUT] = True
            draft.provenance[OPT_OUT] = origin
            yield Reason("merge", said)


def claim_keys(
    draft: Lead, fields: Mapping[str, JsonValue], playbook: Playbook, lookups: Lookups
) -> Iterator[ClaimIdentity | Because]:
    """Let an e-mail or phone taken from a CRM find the lead, where it is free and one person's."""
    screening = playbook.screening
    for key in person_keys(fields):
        if screening.role_addresses == "review" and is_role_address(key.value, screening.role_names):
            continue
        holder = lookups.lead_id_of(key)
        if holder is None:
            draft.identities.add(key)
            yield ClaimIdentity(key)
        elif holder != draft.id:
            yield Because(f"{key.kind} stays a key of lead {holder}")
