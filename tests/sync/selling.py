"""A house that keeps deals of two CRMs, and what its tests share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mappings.playbook import CrmField, CrmMap, Deals, DealStage, Playbook
from model.deal import COMPANIES, PEOPLE, Deal
from sync import deals, outbox, tables
from sync.reading.dealpass import DealPass
from tests.builders import a_crm, mapped, place
from tests.sync.followed import a_poll, look
from tests.sync.house import HUBSPOT, SALESFORCE, House, house_playbook
from tests.sync.stores import rows
from tests.sync.test_matching import fill, match_all

ADA, BO = "ada@acme.com", "bo@acme.com"
OBJECTS = {HUBSPOT: "deals", SALESFORCE: "Opportunity"}
PEOPLE_OBJECTS = {HUBSPOT: "contacts", SALESFORCE: "Contact"}
STAGES = {
    HUBSPOT: {"talking": "qualifiedtobuy", "offer": "contractsent", "won": "closedwon", "lost": "closedlost"},
    SALESFORCE: {"talking": "Qualification", "offer": "Proposal", "won": "Closed Won", "lost": "Closed Lost"},
}


def stages() -> Deals:
    """Build the stages of deals: two open ones, won and lost."""
    made = (
        DealStage("talking", "open", place(2, "deals.yaml"), "sql"),
        DealStage("offer", "open", place(3, "deals.yaml"), "sql"),
        DealStage("won", "won", place(4, "deals.yaml"), "customer"),
        DealStage("lost", "lost", place(5, "deals.yaml"), "nurture"),
    )
    return Deals({stage.name: stage for stage in made}, "USD", "UTC", place(1, "deals.yaml"))


def deal_fields(name: str, authority: str = "newest") -> tuple[CrmField, ...]:
    """Return a deal's lines; the vendor's names are ours."""
    pipeline = mapped("pipeline", "pipeline", write_only=True, default="default", along="stage")
    return (
        mapped("id", "lead_id"),
        *((pipeline,) if name == HUBSPOT else ()),
        mapped("name", "name", authority),
        mapped("stage", "stage", authority, kind="deal_stage", values=STAGES[name]),
        mapped("amount", "amount", authority, kind="money"),
        mapped("close_date", "close_date", authority, kind="date"),
        mapped("owner", "owner", authority, kind="owner"),
        mapped("lost_reason", "lost_reason", authority),
        mapped("won_reason", "won_reason", authority),
    )


def selling(authority: str = "newest", **given: Any) -> Playbook:
    """Return the plain house's playbook with deals in both CRMs."""
    plain = house_playbook()
    crms: dict[str, CrmMap] = {}
    for name, crm in plain.crms.items():
        deal = a_crm(name, OBJECTS[name], *deal_fields(name, authority)).objects[OBJECTS[name]]
        deal = replace(deal, id_field="lead_id", as_text=name == HUBSPOT, currency="USD")
        crms[name] = replace(crm, deal=deal, **{"adopts_deals": True, **given})
    return replace(plain, crms=crms, deals=stages())


def person(house: House, address: str = ADA) -> dict[str, str]:
    """Post somebody who is a Contact in Salesforce already; return their records' ids."""
    house.crms[SALESFORCE].put("Contact", email=address)
    house.post(email=address)
    house.settle()
    house.clock.advance(60)
    links = house.lead(address).links
    assert links[SALESFORCE].object == "Contact"
    return {name: link.remote_id for name, link in links.items()}


def sell(
    house: House, on: str, *people: str, stage: str = "talking", company: str = "", **fields: Any
) -> str:
    """Make a deal as a person in the CRM does; return its id."""
    given = {"name": "Engine", "stage": STAGES[on][stage], "amount": "1200", "close_date": "2026-12-24"}
    parties = {PEOPLE: list(people), COMPANIES: [company] if company else []}
    return house.crms[on].put(OBJECTS[on], **given | fields, **parties)


def move(house: House, name: str, remote_id: str, stage: str, **fields: Any) -> None:
    """Move a deal on as a person in the CRM does."""
    house.crms[name].edit(remote_id, stage=STAGES[name][stage], **fields)


class Followed:
    """The polls of both CRMs, which have looked once; what was there before is known."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.polls = {name: a_poll(house, name) for name in house.crms}
        self.look()
        for name in house.crms:
            fill(house, name)
            match_all(house, name)
            pass_deals(house, name)

    def look(self, *names: str) -> None:
        """Let each CRM's changes be read to their end, decided and delivered."""
        for name in names or tuple(self.polls):
            look(self.polls[name], 60)
            self.house.settle()


def look_and_give_up(followed: Followed) -> int:
    """Follow HubSpot and deliver once; give up what waits for a record that was refused; return how many."""
    house = followed.house
    look(followed.polls[HUBSPOT], 60)
    house.decide()
    house.deliver()
    now = house.clock.now()
    return house.store.write(lambda connection: outbox.give_up_orphans(connection, "main", now))


def pass_deals(house: House, name: str) -> int:
    """Run the pass over deals that were there before; return how many were handed in."""
    handed = 0
    job = DealPass(name, house.store, house.clock, lambda: house.playbook)
    while (step := job.step()) is not None:
        handed += step.records
        house.settle()
    return handed


def records(house: House, on: str) -> list[dict[str, Any]]:
    """Return the deals that a CRM holds."""
    return [kept.fields for kept in house.crms[on].records.values() if kept.object == OBJECTS[on]]


def all_deals(house: House) -> list[Deal]:
    """Return all deals, the eldest first."""
    ids = [row["id"] for row in sorted(rows(house.store, tables.deals), key=lambda row: row["created_at"])]
    with house.store.snapshot() as snapshot:
        found = deals.load(snapshot, ids)
    return [found[each] for each in ids]


def the_deal(house: House) -> Deal:
    """Return the only deal there is."""
    [deal] = all_deals(house)
    return deal


def outcomes(house: House) -> list[tuple[str | None, str]]:
    """Return the ledger of what was won and lost: (before, now)."""
    return [(row["was"], row["outcome"]) for row in rows(house.store, tables.deal_outcomes)]
