"""What must be true once everything is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from mappings.outward import Compared, compare, draft, inward_record, same, same_on
from model.entity import Entity
from model.event import RecordRef
from model.lead import Link
from sync.people import People
from tests.agreement.crms import Account, is_by_hand
from tests.agreement.known import SEVERAL, Known
from tests.agreement.said import Edit
from tests.agreement.sales import COMPANY_VALUES, DEAL_VALUES
from tests.agreement.selling import about_deals
from tests.agreement.world import VALUES, World

ASKED_WHICH = (SEVERAL, "the deal's record is another deal's")
TYPED = {"lead": {*VALUES}, "account": {*COMPANY_VALUES}, "deal": {"name", *DEAL_VALUES}}


def problems(world: World) -> list[str]:
    """Return everything that is wrong with how a run ended."""
    known = Known.of(world)
    # Of these a person is asked whether they are one with somebody else, who has their address there.
    split = {one for detail in known.asked for one in (detail.get("lead"), *detail.get("leads", ()))}
    refused = {row.entity_id for row in known.letters if "409" in str(row.error) and row.entity_id in split}
    return [
        *(f"event {row.id} did not end: {row.error}" for row in known.stuck),
        *(
            f"dead letter of {row.entity_id}: {row.error}"
            for row in known.letters
            if row.entity_id not in refused and not _is_asked_which(row, known)
        ),
        *_disagreements(world, known, refused),
        *_doubles(world, known),
        *(about_deals(world, known) if world.sales else ()),
        *_lost_edits(world, known),
    ]


def _is_asked_which(row: sa.Row[Any], known: Known) -> bool:
    """Say whether a person is asked which record a deal has: where several may be it, it is not made.

    Nor is anybody put into it; a process that gives up what waits for it says so (docs/deals.md).
    """
    return row.entity_id in known.deals_in_review and any(text in str(row.error) for text in ASKED_WHICH)


def _disagreements(world: World, known: Known, refused: set[str]) -> Iterator[str]:
    """Every living record holds what the lead, the account or the deal does."""
    for one in known.entities:
        for name, link in one.links.items():
            if link.gone_at is not None or one.id in refused:
                continue
            account = world.accounts[name]
            record = account.find(link.object, link.remote_id)
            if record is None or record.archived_at is not None:
                yield f"{one.id}: {name} {link.object} {link.remote_id} is gone, and leadrelay does not know"
                continue
            typed = TYPED[account.names.kind_of(link.object)]
            for each in compared(world, one, link, known.people):
                if each.rule.field in typed or each.is_written:
                    yield (
                        f"{one.id}: {name} {link.remote_id} {each.rule.remote} holds {each.theirs!r}, "
                        f"leadrelay {each.ours!r} ({each.why})"
                    )
            held = account.values(link.object, record)
            object_map = world.playbook.crms[name].map_of(link.object)
            assert object_map is not None
            theirs = inward_record(held, object_map, name, known.people)
            for field in sorted(typed):
                if theirs.get(field) is not None and one.fields.get(field) is None:
                    yield f"{one.id}: leadrelay does not know {name}'s {field}"


def compared(world: World, one: Entity, link: Link, people: People) -> list[Compared]:
    """Compare what leadrelay holds with what a record really holds now, whatever it believes."""
    account, crm = world.accounts[link.connection], world.playbook.crms[link.connection]
    record, object_map = account.find(link.object, link.remote_id), crm.map_of(link.object)
    assert record is not None
    assert object_map is not None
    wanted = draft(one, object_map, link.connection, people)
    shown = replace(link, shadow=account.values(link.object, record))
    return compare(wanted, shown, object_map, world.playbook.lifecycle, of=one)


def _doubles(world: World, known: Known) -> Iterator[str]:
    """Nobody was made twice by leadrelay; no record is nobody's, unless a review asks whose it is."""
    held = {
        RecordRef(link.connection, link.object, link.remote_id)
        for lead in known.leads.values()
        for link in lead.links.values()
    }
    for name, account in world.accounts.items():
        by_email: dict[str, list[str]] = {}
        for object_type, record in account.people():
            values = account.values(object_type, record)
            email = str(values.get(account.names.fields["email"]) or "").lower()
            by_email.setdefault(email, []).append(record.id)
            is_held = RecordRef(name, object_type, record.id) in held or record.id in known.in_review
            if email and not is_held and len(by_email[email]) == 1:
                yield f"{name} {object_type} {record.id} ({email}) is nobody's record"
        if name == "salesforce":  # HubSpot itself keeps addresses unique
            yield from _made_twice(account)


def _made_twice(account: Account) -> Iterator[str]:
    """Say who was created by a call of ours while a record with that address was there."""
    remote = account.names.fields["email"]
    living: dict[str, str] = {}
    for write in account.vendor.history.writes:
        if write.object_name not in account.names.people:
            continue
        email = str(write.after.get(remote) or "").lower()
        if write.kind == "create" and email:
            if not is_by_hand(write) and email in living.values():
                yield f"{account.name}: {email} was made as {write.record_id} and was there already"
            living[write.record_id] = email
        elif write.kind == "update" and email:
            living[write.record_id] = email
        if write.kind == "delete" or write.after.get("IsDeleted") or write.after.get("IsConverted"):
            living.pop(write.record_id, None)


def _lost_edits(world: World, known: Known) -> Iterator[str]:
    """What a person typed and leadrelay read survives, gave way to a later word, or is in the log.

    Who types what leadrelay knew the field to hold anyway, before it saw anything else there, has changed
    nothing: a three-way merge knows no more of it (decision 17).
    """
    for edit in world.edits:
        object_map = world.playbook.crms[edit.connection].map_of(edit.object)
        remote = world.accounts[edit.connection].names.fields_of(edit.object)[edit.field]
        assert object_map is not None
        same_there = partial(same_on, object_map, remote)
        holder = known.holder(edit.connection, edit.object, edit.id)
        if holder is None or edit.id in known.in_review or not _was_read(world, edit, remote):
            continue
        if any(same_there(one, edit.typed) for one in edit.known):
            continue
        held = holder.fields.get(edit.field)
        lost = [
            row["lost"]
            for row in known.conflicts
            if (row["lead_id"], row["field"]) == (holder.id, edit.field)
        ]
        stands = any(same_there(edit.value, one) for one in (held, *lost))
        if not stands and not _gave_way(world, known, edit, holder):
            yield (
                f"{holder.id}: {edit.connection} {edit.id} {edit.field}={edit.value!r} (edit {edit.at}) was "
                f"read and is lost; {held!r} is held"
            )


def _was_read(world: World, edit: Edit, remote: str) -> bool:
    """Say whether leadrelay read what was typed, as it was typed: it writes numbers its own way."""
    seen = world.accounts[edit.connection].seen.since(edit.object, edit.id, remote, edit.reads)
    return any(same(one, edit.typed) for one in seen)


def _gave_way(world: World, known: Known, edit: Edit, holder: Entity) -> bool:
    """Say whether somebody said something else later: who merges two records says what is left holds."""
    emails = {key.value for key in getattr(holder, "identities", ()) if key.kind == "email"}
    return (
        any(
            one.at > edit.at
            and one.field == edit.field
            and known.holder(one.connection, one.object, one.id) is holder
            for one in world.edits
        )
        or any(
            one.at > edit.at
            and not same(one.values.get(edit.field), edit.value)
            and known.holder(one.connection, one.object, one.survivor) is holder
            for one in world.merges
        )
        or any(one.at > edit.at and one.field == edit.field and one.email in emails for one in world.said)
    )
