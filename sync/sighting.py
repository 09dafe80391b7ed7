"""What a page of changed records says that is new: compared with the mirror and with the links."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy.engine import Connection

from mappings.outward import same_on
from mappings.playbook import CrmMap
from model.change import Record
from model.event import RecordRef
from model.lead import Link
from model.listing import Listed
from sync import links, mirror
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
            ],
        )  # fmt: skip
        fresh = [one for one in listed if not _is_older(one.record, seen.get(one.record.ref))]
        versions = {one.record.ref: version_of(one, crm) for one in fresh}
        news, told = [], {}
        for one in fresh:
            ref = one.record.ref
            known = _told(one.record, seen.get(ref))
            if not _is_ours(one, held):
                if strangers is Strangers.LATER:
                    continue
                told[ref] = versions[ref]
                if strangers is Strangers.NEWS and known is None and not one.record.archived:
                    news.append(one)
            elif _is_news(one, held, crm) and (again or known != versions[ref]):
                told[ref] = versions[ref]
                news.append(one)
        return cls(fresh, news, told)


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
    said = {
        "fields": {name: record.fields.get(name) for name in names},
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
    return any(
        not same_on(object_map, rule.remote, record.fields.get(rule.remote), link.shadow.get(rule.remote))
        for rule in object_map.fields
        if rule.remote in record.fields
    )
