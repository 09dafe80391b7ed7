"""All of it together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from mappings.memory import once_each
from mappings.playbook.accounts import Accounts
from mappings.playbook.condition import NamedValue
from mappings.playbook.consent import Consent
from mappings.playbook.crms import CrmMap, ObjectMap
from mappings.playbook.deals import Deals
from mappings.playbook.enrichment import Enrichment
from mappings.playbook.icp import Icp
from mappings.playbook.lifecycle import Lifecycle
from mappings.playbook.matching import Matching
from mappings.playbook.messages import FollowUp, Notifications
from mappings.playbook.privacy import Privacy
from mappings.playbook.routing import Routing
from mappings.playbook.scoring import Scoring
from mappings.playbook.screening import Screening
from mappings.playbook.sources import Source
from model.decision import Place
from model.engagement import COUNTED
from model.lead import LINKS


@dataclass(frozen=True, slots=True)
class Playbook:
    """Everything the ops people have written, checked as one."""

    version: str  # first 12 hex digits of the SHA-256 over all files
    sources: Mapping[str, Source]
    crms: Mapping[str, CrmMap]
    pipeline: tuple[str, ...]  # handler names in order
    screening: Screening
    scoring: Scoring
    lifecycle: Lifecycle
    routing: Routing
    pipeline_place: Place
    fields: Mapping[str, type]  # canonical names and types, declared ones included
    options: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=dict
    )  # of fields that hold no other values
    follow_up: FollowUp = dataclasses.field(default_factory=FollowUp)
    notifications: Notifications = dataclasses.field(default_factory=Notifications)
    skip_direct: bool = True  # a direct visit never replaces a known last touch
    keep: Mapping[str, timedelta] = dataclasses.field(default_factory=dict)  # retention.yaml, by kind
    accounts: Accounts = dataclasses.field(default_factory=Accounts)
    consent: Consent = dataclasses.field(default_factory=Consent)  # without consent.yaml no gate
    deals: Deals | None = None  # without deals.yaml no deals are kept
    named: tuple[NamedValue, ...] = ()  # texts that conditions compare fields with
    number: int = 0  # in the store's register of versions; 0: files that are not in it (yet)
    privacy: Privacy = dataclasses.field(default_factory=Privacy)  # without privacy.yaml all is plain
    matching: Matching | None = None  # without matching.yaml nobody is asked who is one person
    enrichment: Enrichment = dataclasses.field(
        default_factory=Enrichment
    )  # without enrichment.yaml nobody is

    icp: Icp | None = None  # without icp.yaml nobody is of a tier

    @property
    def keeps_deals(self) -> bool:
        """Say whether deals of any CRM are followed."""
        return self.deals is not None and any(crm.deal is not None for crm in self.crms.values())

    @property
    def needed(self) -> frozenset[str]:
        """Return the connections whose new records another connection waits for, or is told of."""
        return _needed(self)

    @property
    def needed_accounts(self) -> frozenset[str]:
        """Return the connections of whose new companies another connection is told."""
        return _named(crm.account for crm in self.crms.values() if crm.account is not None)

    @property
    def counted(self) -> frozenset[str]:
        """Return what is done with leads in the CRMs and is counted by a rule of scoring or lifecycle."""
        return _counted(self)

    @property
    def sets_timers(self) -> bool:
        """Say whether a rule may ask for another look at a lead at a later time."""
        return self.scoring.changes_by_time or self.routing.queues or self.enrichment.waits

    @property
    def joins_accounts(self) -> bool:
        """Say whether leads are joined to accounts: the pipeline names the handler."""
        return "account" in self.pipeline


@once_each
def _needed(playbook: Playbook) -> frozenset[str]:
    crms = playbook.crms.values()
    needs = (name for crm in crms for name in crm.needs)
    return frozenset((*needs, *_named(map_ for crm in crms for map_ in crm.objects.values())))


@once_each
def _counted(playbook: Playbook) -> frozenset[str]:
    named = {rule.activity for rule in playbook.scoring.rules}
    named |= {rule.activity for rule in playbook.lifecycle.rules}
    return frozenset(each for each in COUNTED if each in named)


@once_each
def _links_in(object_map: ObjectMap) -> frozenset[str]:
    prefix = f"{LINKS}."
    return frozenset(
        rule.field.removeprefix(prefix) for rule in object_map.fields if rule.field.startswith(prefix)
    )


def _named(maps: Iterable[ObjectMap]) -> frozenset[str]:
    """Return the connections whose record ids these maps hold."""
    return frozenset(name for object_map in maps for name in _links_in(object_map))
