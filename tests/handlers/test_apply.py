"""What a decision does to a draft."""

from __future__ import annotations

from handlers.apply import apply
from model.decision import AddActivity, AddTouch, AskReview, ClaimIdentity, Decision, EnterStage
from model.lead import Activity, Identity, Lead, Provenance, Touch
from tests.builders import NOON, a_lead, at

KEY = Identity("email", "ada@acme.com")


def test_fields_come_with_their_origin_and_decided_ones_with_the_rule_s():
    lead = a_lead(title="CEO")
    decision = Decision(fields={"title": "CTO", "score": 5})
    apply(lead, decision, source="webinar", event_id=9, at=at(5))
    assert lead.fields == {"title": "CTO", "score": 5}
    assert lead.provenance["title"] == Provenance("webinar", at(5), 9)
    assert lead.provenance["score"] == Provenance("rule", at(5), 9)


def test_blanking_a_field_keeps_when_and_by_whom():
    lead = a_lead(title="CEO")
    apply(lead, Decision(fields={"title": None}), source="webinar", event_id=9, at=at(5))
    assert "title" not in lead.fields
    assert lead.provenance["title"].at == at(5)


def test_keys_touches_and_activities_enter_the_draft_and_other_effects_do_not():
    lead = Lead("L1")
    touch = {"channel": "email"}
    effects = (
        ClaimIdentity(KEY),
        AddTouch(NOON, touch),
        AddActivity("download", NOON, "paper"),
        EnterStage("mql", None),
        AskReview("shared_phone", {}),
    )
    apply(lead, Decision(effects=effects), source="website", event_id=9, at=NOON)
    assert (lead.identities, lead.touches) == ({KEY}, [Touch(NOON, touch)])
    assert lead.activities == [Activity("download", NOON, "paper")]
    assert lead.fields == {}
