"""What a page of changed records says that is new: compared with the mirror and with the links."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap
from model.change import Record
from model.deal import PARTIES, PEOPLE
from model.event import RecordRef
from model.lead import Link
from model.listing import Listed
from sync import links, mirror, proposals
from sync.fetches import Wish
from sync.merging.versions import differs
from sync.mirror import Mirrored
from sync.tables import to_json


class Strangers(Enum):
    """What records are that are nobody's."""

    NEWS = "news"
    OLD = "old"  # they were there before the first look: no news, now or later
    LATER = "later"  # no news as long as the CRM's owners are unknown


@dataclass(frozen=True, slots=True)
class Sighting:
    """Records of a page beside what is known of them: which are newer than the mirror, which are news."""

    fresh: Sequence[Listed]
    news: Sequence[Listed]
    told: Mapping[RecordRef, str]  # of which versions the decider is told now, or need not be
    deals: Sequence[Wish] = ()  # to be read, as somebody takes part in them, or no more

    @classmethod
    def of(
        cls,
        snapshot: Connection,
        space: str,
        crm: CrmMap,
        listed: Sequence[Listed],
        *,
        strangers: Strangers = Strangers.NEWS,
        again: bool = False,
    ) -> Sighting:
        """Compare a page with mirror and links in a few queries.

        ``again``: what was told of linked records and is not settled is news, too, which else is not told
        at every look while the decider stumbles over it.
        """
        refs = [one.record.ref for one in listed]
        seen = mirror.read(snapshot, space, refs)
        held = links.of_records(
            snapshot,
            space,
            [
                *refs,
                *(RecordRef(ref.connection, ref.object, each) for one in listed for ref in (one.record.ref,)
                  for each in one.replaces),
                *(one.record.became for one in listed if one.record.became),
            ],
        )  # fmt: skip
        asked = proposals.named(snapshot, space, [ref for one in listed for ref in _over(one)])
        fresh = [one for one in listed if not _is_older(one.record, seen.get(one.record.ref))]
        versions = {one.record.ref: version_of(one, crm) for one in fresh}
        news, told = [], {}
        for one in fresh:
            ref = one.record.ref
            known = _told(one.record, seen.get(ref))
            if not _is_ours(one, held):
                if strangers is not Strangers.LATER:
                    told[ref] = versions[ref]
                # Who takes part in a deal bears no stamp, so that such a record is news whenever it is met.
                is_unseen = known != versions[ref] if PEOPLE in one.record.fields else known is None
                is_new = strangers is Strangers.NEWS and is_unseen and not one.record.archived
                # What becomes of one that a person is asked about settles that; so does one that joined ours.
                is_answer = known != versions[ref] and (
                    one.record.became in held or not asked.isdisjoint(_over(one))
                )
                if is_new or is_answer:
                    news.append(one)
            elif _is_news(one, held, crm) and (again or known != versions[ref]):
                told[ref] = versions[ref]
                news.append(one)
        return cls(fresh, news, told)


def _over(one: Listed) -> list[RecordRef]:
    """Return the records that a listed one shows to be no more: itself, or those that went into it."""
    ref = one.record.ref
    ended = [ref] if one.record.archived or one.record.became is not None else []
    return [*ended, *(RecordRef(ref.connection, ref.object, each) for each in one.replaces)]


class Roles:
    """Records that say who takes part in deals: what changes is the deal, which is read by id."""

    @staticmethod
    def of(
        snapshot: Connection,
        space: str,
        crm: CrmMap,
        listed: Sequence[Listed],
        *,
        strangers: Strangers = Strangers.NEWS,
        again: bool = False,  # noqa: ARG004 - what was seen is in the mirror, a sweep tells it no more
    ) -> Sighting:
        """Compare a page with the mirror: a role that is new, changed or deleted has its deal read."""
        seen = mirror.read(snapshot, space, [one.record.ref for one in listed])
        fresh = [one for one in listed if not _is_known(one.record, seen.get(one.record.ref))]
        field = crm.role.deal_field if crm.role else ""
        named = dict.fromkeys(str(deal) for one in fresh if (deal := one.record.fields.get(field)))
        deal_object = crm.deal.object if crm.deal else ""
        wishes = [
            Wish(crm.connection, deal_object, each)
            for each in named
            if deal_object and strangers is not Strangers.OLD
        ]
        return Sighting(fresh, (), {}, wishes)


def _is_known(record: Record, seen: Mirrored | None) -> bool:
    return (
        seen is not None
        and seen.record.modified_at == record.modified_at
        and seen.record.archived == record.archived
    )


def _is_older(record: Record, seen: Mirrored | None) -> bool:
    stamp = seen.record.modified_at if seen else None
    return stamp is not None and record.modified_at is not None and record.modified_at < stamp


def _told(record: Record, seen: Mirrored | None) -> str | None:
    """Return the hash of what the decider was told of a record with this stamp, if it was."""
    return seen.told if seen and seen.record.modified_at == record.modified_at else None


def version_of(one: Listed, crm: CrmMap) -> str:
    """Return a hash of what a record says to us: Salesforce's stamps are whole seconds, so they do not do."""
    record = one.record
    object_map = crm.map_of(record.ref.object)
    names = sorted({rule.remote for rule in object_map.fields}) if object_map else ()
    parties = {name: record.fields[name] for name in PARTIES if name in record.fields}
    said = {
        "fields": {name: record.fields.get(name) for name in names} | parties,
        "fate": [record.archived, one.became, sorted(one.replaces)],
    }
    return hashlib.sha256(to_json(said).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _is_ours(one: Listed, held: Mapping[RecordRef, Link]) -> bool:
    """Say whether a record is linked, or took in one that is."""
    ref = one.record.ref
    return ref in held or any(RecordRef(ref.connection, ref.object, each) in held for each in one.replaces)


def _is_news(one: Listed, held: Mapping[RecordRef, Link], crm: CrmMap) -> bool:
    """Say whether a record of ours says what its link does not: else it is our own word."""
    record = one.record
    ref, link = record.ref, held.get(record.ref)
    if link is None or any(RecordRef(ref.connection, ref.object, each) in held for each in one.replaces):
        return True
    is_known_to_be_gone = record.archived and link.gone_at is not None
    is_over = record.archived or record.became is not None or one.became or link.gone_at is not None
    if is_over and not is_known_to_be_gone:
        return True
    object_map = crm.map_of(ref.object)
    if object_map is None:
        return False
    return differs(record, link, object_map)
