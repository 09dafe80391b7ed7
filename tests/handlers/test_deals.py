"""What the deals of a person say of them, and where their stage leads."""

from __future__ import annotations

import pytest

from handlers.deals import HearOfDeals
from mappings.playbook import Deals, DealStage
from model.deal import Deal, Party
from model.decision import EnterStage
from model.lead import Provenance
from tests.builders import KnownFacts, a_context, a_lead, a_lifecycle, a_reading, at, place

STAGES = (
    DealStage("talking", "open", place(2, "deals.yaml"), "sql"),
    DealStage("offer", "open", place(3, "deals.yaml"), "sql"),
    DealStage("quiet", "open", place(4, "deals.yaml")),
    DealStage("won", "won", place(5, "deals.yaml"), "customer"),
    DealStage("lost", "lost", place(6, "deals.yaml"), "nurture"),
)
DEALS = Deals({stage.name: stage for stage in STAGES}, "EUR", "UTC", place(1, "deals.yaml"))


def a_deal(stage: str, number: int = 1, moved: float = 0, **fields: str) -> Deal:
    known = DEALS.stages.get(stage)
    return Deal(
        f"de_{number}",
        fields={"stage": stage, "outcome": known.outcome if known else "open", **fields},
        provenance={"stage": Provenance("hubspot", at(moved), 1)},
        parties=(Party("L1", is_primary=True),),
        closed_at=at(moved) if known and known.outcome != "open" else None,
    )


def hear(*deals: Deal, stage: str | None = "prospect", entered: float = -60, **fields):
    lead = a_lead("L1", stage=stage, **fields)
    lead.provenance["stage"] = Provenance("rule", at(entered), 1)
    facts = KnownFacts(leads={"L1": lead}, deals={deal.id: deal for deal in deals})
    return HearOfDeals(DEALS, a_lifecycle())(lead, a_context(lookups=facts))


@pytest.mark.parametrize(
    ("deals", "outcome", "stage"),
    [
        ((a_deal("talking", 1), a_deal("offer", 2)), "open", "offer"),
        ((a_deal("lost", 1, 5), a_deal("talking", 2)), "open", "talking"),
        ((a_deal("won", 1), a_deal("offer", 2), a_deal("lost", 3)), "won", "won"),
        ((a_deal("lost", 1, 5), a_deal("lost", 2, 9)), "lost", "lost"),
        ((a_deal("unheard of", 1),), "open", "unheard of"),
    ],
)
def test_the_foremost_deal_speaks_for_the_person(deals, outcome, stage):
    said = hear(*deals).fields
    assert (said["deal_outcome"], said["deal_stage"]) == (outcome, stage)


@pytest.mark.parametrize(
    ("stage", "deal", "becomes"),
    [
        ("prospect", a_deal("talking"), "sql"),
        ("sql", a_deal("offer"), None),
        ("sql", a_deal("won"), "customer"),
        ("sql", a_deal("lost"), "nurture"),
        ("customer", a_deal("lost"), None),
        ("customer", a_deal("talking"), None),
        ("disqualified", a_deal("won"), None),
        ("nurture", a_deal("talking"), "sql"),
        ("nurture", a_deal("won"), "customer"),
        ("prospect", a_deal("quiet"), None),
    ],
)
def test_a_deal_leads_forward_aside_and_back_and_never_down(stage, deal, becomes):
    decision = hear(deal, stage=stage)
    assert decision.fields.get("stage") == becomes
    assert [one for one in decision.effects if isinstance(one, EnterStage)] == (
        [EnterStage(becomes, stage, "deals", 2 if stage == "nurture" else 1)] if becomes else []
    )


def test_who_was_put_aside_after_the_deal_moved_stays_there():
    assert "stage" not in hear(a_deal("talking", moved=0), stage="nurture", entered=30).fields


def test_the_reason_of_how_it_ended_is_the_persons_too():
    said = hear(a_deal("lost", lost_reason="too dear", won_reason="once liked")).fields
    assert said["deal_reason"] == "too dear"


def test_who_takes_part_in_nothing_any_more_is_told_so():
    said = hear(deal_outcome="won", deal_stage="won", deal_reason="x").fields
    assert said == {"deal_outcome": None, "deal_stage": None, "deal_reason": None}


def test_what_is_known_is_not_said_again():
    decision = hear(a_deal("talking"), stage="sql", deal_outcome="open", deal_stage="talking")
    assert (decision.fields, decision.because) == ({}, ())


def test_a_post_tells_nothing_of_deals():
    lead = a_lead("L1", stage="prospect")
    facts = KnownFacts(leads={"L1": lead}, deals={"de_1": a_deal("won")})
    decision = HearOfDeals(DEALS, a_lifecycle())(lead, a_context(a_reading(), lookups=facts))
    assert decision.fields == {}


def test_the_reason_names_the_deal_and_the_line_of_its_stage():
    [first, second] = hear(a_deal("won", name="Engine")).because
    assert first.text == 'deal "Engine" was won'
    assert second.text == 'prospect → customer: deal "Engine" was won'
    assert second.at == place(5, "deals.yaml")
