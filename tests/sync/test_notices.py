"""Lead ads: a notice waits until its lead was read; nothing is lost or read twice, and no token is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import responses
import sqlalchemy as sa

from connectors import enrichment
from mappings import lead_ads
from mappings.playbook import FieldRule, LeadAds
from model.decision import ForgetLead
from model.enrichment import Answered, Later, Outcome, Refused, Request, Unknown
from model.errors import LeadRelayError
from model.event import Event, EventKind
from sync import forget, inbox, tables
from sync.asking.desk import MOST_READS, Desk, claim, finish
from tests.builders import place
from tests.sync.asked import ask_all
from tests.sync.followed import ADA
from tests.sync.house import House, a_house, house_playbook
from tests.sync.stores import rows

TOKEN = "EAAB-a-page-token"
ADS = LeadAds("website", "facebook", place(9, "sources/website.yaml"), "LEADRELAY_X", "v24.0")
LEAD = Answered(
    {
        "id": "77",
        "created_time": "2026-03-02T11:59:00+0000",
        "form_id": "3",
        "field_data": [
            {"name": "email", "values": [ADA]},
            {"name": "title", "values": ["Countess"]},
            {"name": "topics", "values": ["engines", "numbers"]},
        ],
    }
)


def an_ad_house(store, **given) -> House:
    """A house whose forms are lead ads: their answers stand under ``answers``."""
    plain = house_playbook()
    website = plain.sources["website"]
    fields = tuple(
        replace(rule, paths=tuple(f"answers.{path}" for path in rule.paths))
        for rule in website.fields
        if isinstance(rule, FieldRule)
    )
    source = replace(website, fields=fields, lead_ads=replace(ADS, **given))
    return a_house(store, playbook=replace(plain, sources={"website": source}))


@pytest.fixture
def house(store) -> House:
    return an_ad_house(store)


def noticed(house: House, number: str = "77") -> None:
    """Let a notice come in, as the receiver stores it."""
    now = house.clock.now()
    body = {"leadgen_id": number, "form_id": "3", "ad_id": "12", "created_time": 1772452740}
    event = Event("website", number, EventKind.INTAKE, {"body": body, "query": {}, "headers": {}}, now, now)
    inbox.append(house.store, [event])
    house.decide()


def desk(house: House, *says: Outcome, call: Callable[[Request], Outcome] | None = None) -> Desk:
    left = list(says)
    answer = call or (lambda _request: left.pop(0))
    return Desk(
        house.store, house.clock, lambda: house.playbook, answer, lambda _name: TOKEN, lambda _name: ""
    )


def ended(house: House) -> list[tuple[str, str]]:
    found = rows(house.store, tables.inbox_events)
    return [(row["state"], row["cause"] or "") for row in found if row["source"] == "website"]


def why(house: House) -> str:
    [*_, row] = rows(house.store, tables.inbox_events)
    return " ".join(reason["text"] for reason in row["reasons"] or ())


def test_a_notice_waits_and_becomes_the_lead_that_it_names(house):
    noticed(house)
    assert ended(house) == [("quarantined", "LEAD_WAITS")]
    asked: list[Request] = []

    def call(request: Request) -> Outcome:
        asked.append(request)
        return LEAD

    assert ask_all(desk(house, call=call)) == 1
    house.decide()
    assert ended(house) == [("replayed", "LEAD_WAITS"), ("new", "")]
    assert house.lead(ADA).fields["title"] == "Countess"
    [request] = asked
    assert (request.method, request.url) == ("GET", "https://graph.facebook.com/v24.0/77")
    assert request.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert "field_data" in request.query["fields"]
    [post] = [row for row in rows(house.store, tables.inbox_events) if row["kind"] == "intake"]
    assert post["payload"]["body"]["answers"]["topics"] == ["engines", "numbers"]
    assert post["payload"]["body"]["ad_id"] == "12"
    kept = json.dumps([rows(house.store, one) for one in (tables.inbox_events, tables.asks)], default=str)
    assert TOKEN not in kept


@pytest.mark.parametrize("outcome", [Refused("HTTP 400 OAuthException 190"), Unknown()])
def test_what_cannot_be_read_is_set_aside_with_the_reason_and_is_read_once_it_is_sent_again(house, outcome):
    noticed(house)
    ask_all(desk(house, outcome)), house.decide()
    assert ended(house)[-1] == ("quarantined", "LEAD_NOT_READ")
    assert ("190" if isinstance(outcome, Refused) else "404") in why(house)
    for says in (Refused("HTTP 400 OAuthException 190"), LEAD):
        [*_, last] = rows(house.store, tables.inbox_events)
        house.clock.advance(60)
        house.replay(last["id"]), house.decide()
        assert ended(house)[-1] == ("quarantined", "LEAD_WAITS")
        assert ask_all(desk(house, says)) == 1
        house.decide()
    assert ended(house)[-1][0] == "new"
    assert house.lead(ADA).fields["title"] == "Countess"


def test_a_token_that_is_not_set_is_said(house):
    def unset(_name: str) -> str:
        raise LeadRelayError("LEADRELAY_X is not set, nor LEADRELAY_X_FILE")

    noticed(house)
    one = desk(house)
    one.secret = unset
    ask_all(one), house.decide()
    assert "LEADRELAY_X is not set" in why(house)


def test_who_is_away_is_asked_for_a_day_and_a_half_before_a_person_must_look(house):
    noticed(house)
    one, calls = desk(house, *[Later("HTTP 503")] * MOST_READS), 0
    begun = house.clock.now()
    while ended(house)[-1] != ("quarantined", "LEAD_NOT_READ"):
        claimed, _ = claim(one)
        if not claimed:
            house.clock.advance(60)
            continue
        for each in claimed:
            finish(one, each)
            calls += 1
        house.decide()
    assert calls == MOST_READS
    assert timedelta(hours=30) < house.clock.now() - begun < timedelta(hours=40)


def test_a_process_that_dies_over_it_leaves_the_question_to_the_next(house):
    noticed(house)
    claimed, _ = claim(desk(house, LEAD))
    assert len(claimed) == 1
    house.clock.advance(121)  # the lease is over
    assert ask_all(desk(house, LEAD)) == 1
    finish(desk(house, LEAD), claimed[0])  # the first is not dead, only late
    house.decide()
    assert [state for state, _ in ended(house)] == ["replayed", "new"]
    assert len(rows(house.store, tables.leads)) == 1


def test_a_lead_that_was_erased_meanwhile_is_not_put_back(house):
    noticed(house)
    claimed, _ = claim(desk(house, LEAD))
    house.store.write(lambda on: on.execute(sa.delete(tables.inbox_events)))
    finish(desk(house, LEAD), claimed[0])
    house.decide()
    assert rows(house.store, tables.inbox_events) == rows(house.store, tables.leads) == []


def test_who_is_forgotten_is_forgotten_with_what_was_read(house):
    noticed(house)
    ask_all(desk(house, LEAD)), house.decide()
    lead_id = house.lead_id(ADA)
    house.store.write(
        lambda on: forget.people(on, "main", [ForgetLead(lead_id, "", (), ())], house.clock.now())
    )
    assert ADA not in json.dumps(rows(house.store, tables.inbox_events), default=str)


def test_a_source_that_reads_no_leads_any_more_says_so(house):
    noticed(house)
    source = replace(house.playbook.sources["website"], lead_ads=None)
    house.playbook = replace(house.playbook, sources={"website": source})
    ask_all(desk(house)), house.decide()
    assert ended(house)[-1][0] == "quarantined"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (80005, Later("HTTP 400 OAuthException 80005", None, is_busy=True)),
        (190, Refused("HTTP 400 OAuthException 190")),
    ],
)
@responses.activate
def test_errors_of_the_graph_api_that_mean_later_are_told_from_those_that_do_not(code, outcome):
    request = lead_ads.request_of(ADS, "77", lambda _name: TOKEN, "")
    error = {"error": {"message": "words", "type": "OAuthException", "code": code}}
    responses.get(request.url, json=error, status=400)
    assert enrichment.ask(request) == outcome
