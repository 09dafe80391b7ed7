"""What must be true once everything is quiet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from mappings.outward import Compared, compare, draft, inward_record, same, same_on
from model.event import RecordRef
from model.lead import Lead, Link
from sync import leads, tables
from sync.people import People
from tests.agreement.crms import Account, is_by_hand
from tests.agreement.world import VALUES, Edit, World


def problems(world: World) -> list[str]:
    """Return everything that is wrong with how a run ended."""
    with world.store.snapshot() as snapshot:
        ids = snapshot.execute(sa.select(tables.leads.c.id)).scalars().all()
        known = leads.load(snapshot, ids)
        people = People.load(snapshot, "main")
        asked = [row.detail for row in snapshot.execute(sa.select(tables.reviews.c.detail))]
        joined = _records_of_joined(snapshot)
        asked += [
            {"lead": row.lead_id, "merge": row.record}
            for row in snapshot.execute(sa.select(tables.proposals.c.lead_id, tables.proposals.c.record))
        ]
        conflicts = [row._asdict() for row in snapshot.execute(sa.select(tables.conflicts))]
        stuck = snapshot.execute(
            sa.select(tables.inbox_events.c.id, tables.inbox_events.c.error).where(
                tables.inbox_events.c.state.in_(("dead", "waiting"))
            )
        ).all()
        letters = snapshot.execute(
            sa.select(tables.outbox_changes.c.entity_id, tables.outbox_changes.c.error).where(
                sa.text("dead > done")
            )
        ).all()
    # Of these a person is asked whether they are one with somebody else, who has their address there.
    split = {one for detail in asked for one in (detail.get("lead"), *detail.get("leads", ()))}
    refused = {row.entity_id for row in letters if "409" in str(row.error) and row.entity_id in split}
    return [
        *(f"event {row.id} did not end: {row.error}" for row in stuck),
        *(f"dead letter of {row.entity_id}: {row.error}" for row in letters if row.entity_id not in refused),
        *_disagreements(
            world, {lead_id: lead for lead_id, lead in known.items() if lead_id not in refused}, people
        ),
        *_doubles(world, known, asked),
        *_lost_edits(world, Holders(known, joined), conflicts, _in_review(asked)),
    ]


def _disagreements(world: World, known: Mapping[str, Lead], people: People) -> Iterator[str]:
    """Every living record of a lead holds what the lead does."""
    for lead in known.values():
        for name, link in lead.links.items():
            if link.gone_at is not None:
                continue
            account = world.accounts[name]
            record = account.find(link.object, link.remote_id)
            if record is None or record.archived_at is not None:
                yield f"{lead.id}: {name} {link.object} {link.remote_id} is gone, and the lead does not know"
                continue
            for one in compared(world, lead, link, people):
                if one.rule.field in VALUES or one.is_written:
                    yield (
                        f"{lead.id}: {name} {link.remote_id} {one.rule.remote} holds {one.theirs!r}, "
                        f"the lead {one.ours!r} ({one.why})"
                    )
            held = account.values(link.object, record)
            object_map = world.playbook.crms[name].map_of(link.object)
            assert object_map is not None
            theirs = inward_record(held, object_map, name, people)
            for field in VALUES:
                if theirs.get(field) is not None and lead.fields.get(field) is None:
                    yield f"{lead.id}: the lead does not know {name}'s {field}"


def compared(world: World, lead: Lead, link: Link, people: People) -> list[Compared]:
    """Compare a lead with what its record really holds now, whatever leadrelay believes."""
    account, crm = world.accounts[link.connection], world.playbook.crms[link.connection]
    record, object_map = account.find(link.object, link.remote_id), crm.map_of(link.object)
    assert record is not None
    assert object_map is not None
    wanted = draft(lead, object_map, link.connection, people)
    shown = replace(link, shadow=account.values(link.object, record))
    return compare(wanted, shown, object_map, world.playbook.lifecycle, of=lead)


def _doubles(world: World, known: dict[str, Lead], asked: list[dict[str, Any]]) -> Iterator[str]:
    """Nobody was made twice by leadrelay; no record is nobody's, unless a review asks whose it is."""
    in_review = _in_review(asked)
    held = {
        RecordRef(link.connection, link.object, link.remote_id): lead.id
        for lead in known.values()
        for link in lead.links.values()
    }
    for name, account in world.accounts.items():
        by_email: dict[str, list[str]] = {}
        for object_type, record in account.people():
            values = account.values(object_type, record)
            email = str(values.get(account.names.fields["email"]) or "").lower()
            by_email.setdefault(email, []).append(record.id)
            is_held = RecordRef(name, object_type, record.id) in held or record.id in in_review
            if email and not is_held and len(by_email[email]) == 1:
                yield f"{name} {object_type} {record.id} ({email}) is nobody's record"
        if name == "salesforce":  # HubSpot itself keeps addresses unique
            yield from _made_twice(account)


def _made_twice(account: Account) -> Iterator[str]:
    """Say who was created by a call of ours while a record with that address was there."""
    remote = account.names.fields["email"]
    living: dict[str, str] = {}
    for write in account.vendor.history.writes:
        if write.object_name not in account.names.objects:
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


def _in_review(asked: list[dict[str, Any]]) -> set[str]:
    """Return the records about which a person is asked: the second ones of somebody."""
    return {str(one) for detail in asked for one in (detail.get("merge"), *detail.get("records", ()))}


def _records_of_joined(snapshot: sa.Connection) -> dict[tuple[str, str], str]:
    """Return whose records those are now that a lead had when it was taken into another."""
    merged = {row.lead_id: row for row in snapshot.execute(sa.select(tables.merged_leads))}
    found = {}
    for row in merged.values():
        into = row.into
        while into in merged:
            into = merged[into].into
        found |= {(name, record_id): into for name, _, record_id in row.was["links"]}
    return found


def _lost_edits(
    world: World, holders: Holders, conflicts: list[dict[str, Any]], in_review: set[str]
) -> Iterator[str]:
    """What a person typed and leadrelay read survives, gave way to a later word, or is in the log.

    Who types what leadrelay knew the field to hold anyway, before it saw anything else there, has changed
    nothing: a three-way merge knows no more of it (decision 17).
    """
    for edit in world.edits:
        object_map = world.playbook.crms[edit.connection].map_of(edit.object)
        remote = world.accounts[edit.connection].names.fields[edit.field]
        assert object_map is not None
        same_there = partial(same_on, object_map, remote)
        holder = holders.of(edit.connection, edit.id)
        if holder is None or edit.id in in_review or not _was_read(world, edit, remote):
            continue
        if edit.known is not None and same_there(edit.known, edit.value):
            continue
        held = holder.fields.get(edit.field)
        lost = [row["lost"] for row in conflicts if (row["lead_id"], row["field"]) == (holder.id, edit.field)]
        stands = any(same_there(edit.value, one) for one in (held, *lost))
        if not stands and not _gave_way(world, holders, edit, holder):
            yield (
                f"{holder.id}: {edit.connection} {edit.id} {edit.field}={edit.value!r} (edit {edit.at}) was "
                f"read and is lost; {held!r} is held"
            )


def _was_read(world: World, edit: Edit, remote: str) -> bool:
    """Say whether leadrelay read what was typed, as it was typed: it writes numbers its own way."""
    seen = world.accounts[edit.connection].seen.since(edit.object, edit.id, remote, edit.reads)
    return any(same(one, edit.value) for one in seen)


def _gave_way(world: World, holders: Holders, edit: Edit, holder: Lead) -> bool:
    """Say whether somebody said something else later: who merges two records says what is left holds."""
    emails = _emails(holder)
    return (
        any(
            one.at > edit.at and one.field == edit.field and holders.of(one.connection, one.id) is holder
            for one in world.edits
        )
        or any(
            one.at > edit.at
            and not same(one.values.get(edit.field), edit.value)
            and holders.of(one.connection, one.survivor) is holder
            for one in world.merges
        )
        or any(one.at > edit.at and one.field == edit.field and one.email in emails for one in world.said)
    )


def _emails(lead: Lead) -> set[str]:
    return {key.value for key in lead.identities if key.kind == "email"}


@dataclass(frozen=True)
class Holders:
    """Whose record one is, or was before its lead was taken into another."""

    known: Mapping[str, Lead]
    joined: Mapping[tuple[str, str], str]  # (connection, record) -> lead

    def of(self, connection: str, record_id: str) -> Lead | None:
        """Return whose record it is, if anybody's."""
        for one in self.known.values():
            link = one.links.get(connection)
            if link is not None and record_id in (link.remote_id, *link.aliases):
                return one
        return self.known.get(self.joined.get((connection, record_id), ""))
