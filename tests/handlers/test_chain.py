"""All handlers together: one lead's way, and the same posts in any order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.registry import build
from model.decision import Assigned, EnterStage, Verdict, Way, WriteBack
from tests.builders import (
    a_crm,
    a_lifecycle,
    a_playbook,
    a_pool,
    a_reading,
    a_routing,
    a_scoring,
    a_source,
    a_territory,
    a_touch,
    at,
    facts,
    field_is,
    mapped,
    moves_to,
    points,
    run,
)

PLAYBOOK = a_playbook(
    scoring=a_scoring(
        points(30, "decides", "fit", when=field_is("title", "CEO", "CTO")),
        points(40, "demo request", "intent", activity="demo_request"),
        points(5, "download", "intent", activity="download", max_times=3),
    ),
    lifecycle=a_lifecycle(moves_to("prospect", min_score=5), moves_to("mql", min_score=60)),
    routing=a_routing(
        a_territory("DACH", field_is("country", "DE"), pool="dach"),
        pools=[a_pool("dach", "ann@example.com", "bo@example.com"), a_pool("rest", "cy@example.com")],
        from_stage="mql",
    ),
    crms={
        "hubspot": a_crm("hubspot", "contacts", mapped("email", "email"), mapped("score", "score")),
        "salesforce": a_crm("salesforce", "Lead", mapped("email", "Email"), mapped("stage", "Stage__c")),
    },
)
CHAIN = build(PLAYBOOK)
WEBSITE, WEBINAR = a_source("website"), a_source("webinar")


def test_a_person_s_first_download_and_later_demo_request_make_one_assigned_mql():
    known = facts()
    first = a_reading(event_id=1, email="ada@acme.com", did=["download"], touch=a_touch(0))
    lead, decisions = run(CHAIN, first, known, PLAYBOOK)
    assert (lead.stage, lead.score, lead.owner) == ("prospect", 5, None)
    assert {effect.connection for effect in decisions[-1].effects} == {"hubspot", "salesforce"}

    asks = a_reading(
        event_id=2,
        occurred_at=at(90),
        email="Ada@ACME.com",
        title="CTO",
        country="DE",
        did=["demo_request"],
        touch=a_touch(90, channel="direct"),
    )
    again, decisions = run(CHAIN, asks, known, PLAYBOOK)
    effects = [effect for decision in decisions for effect in decision.effects]
    assert again.id == lead.id
    assert (again.stage, again.score, again.owner) == ("mql", 75, "ann@example.com")
    assert again.get("last_touch.channel") == "paid_search"
    assert EnterStage("mql", "prospect") in effects
    assert Assigned("ann@example.com", None, "dach", 1.0, Way.TURN, 0.0) in effects
    assert sum(isinstance(effect, WriteBack) for effect in effects) == 2


def test_a_chain_of_leads_takes_turns():
    known = facts()
    owners = []
    for n in range(1, 7):
        sent = a_reading(event_id=n, email=f"p{n}@acme.com", title="CEO", country="DE", did=["demo_request"])
        owners.append(run(CHAIN, sent, known, PLAYBOOK)[0].owner)
    assert owners == ["ann@example.com", "bo@example.com"] * 3


def test_spam_stops_at_the_door():
    lead, decisions = run(CHAIN, a_reading(email="ada@acme.com", honeypot=["hp"]), facts(), PLAYBOOK)
    assert lead is None
    assert [decision.verdict for decision in decisions] == [Verdict.SPAM]


TOUCHES = st.sampled_from(
    [
        {"channel": "direct"},
        {"channel": "paid_search", "source": "google", "medium": "cpc"},
        {"channel": "email", "source": "newsletter", "medium": "email"},
    ]
)
POSTS = st.lists(
    st.fixed_dictionaries(
        {
            "minutes": st.integers(0, 300),
            "source": st.sampled_from([WEBSITE, WEBINAR]),
            "touch": st.none() | TOUCHES,
            "did": st.sampled_from([(), ("download",), ("demo_request",)]),
            "fields": st.fixed_dictionaries(
                {},
                optional={
                    "title": st.sampled_from(["CEO", "CTO", "Student"]),
                    "city": st.sampled_from(["Ulm", "Bonn"]),
                    "phone": st.sampled_from(["+491", "+492"]),
                },
            ),
        }
    ),
    min_size=2,
    max_size=8,
    unique_by=lambda post: post["minutes"],
)


@pytest.mark.parametrize("skip_direct", [True, False])
@given(posts=POSTS, seed=st.integers(0, 9))
def test_late_and_shuffled_posts_end_in_the_same_lead(skip_direct, posts, seed):
    shuffled = random.Random(seed).sample(posts, len(posts))
    assert settled(posts, skip_direct) == settled(shuffled, skip_direct)


def settled(posts, skip_direct):
    """Return what the posts of one person, in this order, make of the lead."""
    playbook = a_playbook(scoring=PLAYBOOK.scoring, skip_direct=skip_direct)
    chain, known, lead = build(playbook), facts(), None
    for n, post in enumerate(posts, 1):
        moment = at(post["minutes"])
        sent = a_reading(
            event_id=n,
            occurred_at=moment,
            source=post["source"],
            email="ada@acme.com",
            did=post["did"],
            touch=post["touch"] and a_touch(post["minutes"], **post["touch"]),
            **post["fields"],
        )
        lead, _ = run(chain, sent, known, playbook)
    return {
        name: value for name, value in lead.fields.items() if name not in ("stage", "owner")
    }, lead.identities
