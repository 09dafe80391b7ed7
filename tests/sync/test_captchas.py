"""Captchas: a post waits for the verdict, which is an event; nothing is lost, and no token is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors import enrichment
from mappings.captchas import own_token
from mappings.playbook import Captcha
from model.decision import ForgetLead
from model.enrichment import Answered, Later, Outcome
from model.event import CAPTCHA_TOKEN
from sync import forget, inbox, tables
from sync.asking import checks
from sync.asking.desk import MOST_CALLS, Desk, claim
from tests.builders import place
from tests.sandbox.messaging.conftest import Office, office
from tests.sync.asked import ask_all
from tests.sync.followed import ADA
from tests.sync.house import HUBSPOT, House, a_house, a_post, house_playbook
from tests.sync.stores import count, rows

__all__ = ["office"]

SECRET = "sandbox-captcha-secret"
TOKEN = "a-token-of-a-widget"


def guarded_house(store, **given) -> House:
    """A house whose forms have a captcha."""
    plain = house_playbook()
    captcha = Captcha(
        "website", given.pop("kind", "turnstile"), place(9, "sources/website.yaml"), "X", "cf", **given
    )
    source = replace(plain.sources["website"], captcha=captcha)
    return a_house(store, playbook=replace(plain, sources={"website": source}))


def posted(house: House, token: str = TOKEN, **fields) -> None:
    """Let a form be posted, as the receiver stores it."""
    house.posts += 1
    event = a_post(f"post-{house.posts}", house.clock.now(), **{"email": ADA} | fields)
    inbox.append(
        house.store, [replace(event, payload={**event.payload, CAPTCHA_TOKEN: token, "ip": "192.0.2.1"})]
    )
    house.decide()


def desk(house: House, *says: Outcome, call=None, base: str = "") -> Desk:
    """Return what asks the captcha's provider; without ``call`` it says these in turn."""
    left = list(says)
    return Desk(
        house.store,
        house.clock,
        lambda: house.playbook,
        call or (lambda _request: left.pop(0)),
        lambda _name: SECRET,
        lambda name: base if name == "captcha" else "",
    )


def ended(house: House) -> list[tuple[str, str]]:
    """Return where each event of a post ended, with its cause."""
    found = rows(house.store, tables.inbox_events)
    return [(row["state"], row["cause"] or "") for row in found if row["source"] == "website"]


def why(house: House) -> list[str]:
    [*_, row] = rows(house.store, tables.inbox_events)
    return [reason["text"] for reason in row["reasons"] or ()]


PASSED = Answered({"success": True, "hostname": "www.northlight.example", "action": "demo", "score": 0.9})


def test_a_post_waits_and_becomes_a_lead_once_a_person_is_known_to_have_sent_it(store):
    house = guarded_house(store)
    posted(house)
    assert ended(house) == [("quarantined", "CAPTCHA_WAITS")]
    assert count(store, tables.leads) == 0
    assert ask_all(desk(house, PASSED)) == 1
    house.decide()
    assert ended(house) == [("replayed", "CAPTCHA_WAITS"), ("new", "")]
    assert house.lead(ADA).owner
    kept = json.dumps([rows(store, table) for table in (tables.inbox_events, tables.asks)], default=str)
    assert TOKEN not in kept


def test_the_token_is_in_the_question_alone_while_that_is_open(store):
    house = guarded_house(store)
    posted(house)
    assert TOKEN not in json.dumps(rows(store, tables.inbox_events), default=str)
    [ask] = rows(store, tables.asks)
    assert ask["told"] == {"token": TOKEN, "ip": "192.0.2.1"}


@pytest.mark.parametrize(
    ("given", "answer", "said"),
    [
        ({}, {"success": False, "error-codes": ["invalid-input-response"]}, "invalid-input-response"),
        ({"kind": "hcaptcha"}, {"success": False, "error-codes": ["expired-input-response"]}, "expired"),
        ({"kind": "recaptcha_v3"}, {"success": True, "score": 0.3}, "score 0.3 is below 0.5"),
        ({"action": "demo"}, {"success": True, "action": "login"}, "it is not for the action demo"),
        ({"hostnames": ("a.example",)}, {"success": True, "hostname": "b.example"}, "on another site"),
    ],
)
def test_a_refusal_is_spam_with_the_rule_and_can_be_released(store, given, answer, said):
    house = guarded_house(store, **given)
    posted(house)
    ask_all(desk(house, Answered(answer))), house.decide()
    assert ended(house)[-1] == ("spam", "CAPTCHA")
    assert said in why(house)[0]
    [*_, spam] = rows(store, tables.inbox_events)
    house.replay(spam["id"], release=True), house.decide()
    assert ended(house)[-1][0] == "new"


def test_a_post_without_a_token_is_spam_and_nobody_is_asked(store):
    house = guarded_house(store)
    posted(house, token="")
    assert ended(house) == [("spam", "CAPTCHA")]
    assert count(store, tables.asks) == 0
    posted(house, website_url="http://spam.example")  # a robot by the honeypot, whatever its token says
    assert ended(house)[-1] == ("spam", "HONEYPOT")
    assert count(store, tables.asks) == 0


@pytest.mark.parametrize(
    ("policy", "end"), [("hold", ("quarantined", "CAPTCHA_DOWN")), ("let_in", ("new", ""))]
)
def test_a_provider_that_is_down_loses_nothing(store, policy, end):
    house = guarded_house(store, if_down=policy)
    posted(house)
    down = desk(house, *[Later("HTTP 503")] * MOST_CALLS)
    for _ in range(MOST_CALLS):
        ask_all(down), house.clock.advance(60)
    house.decide()
    assert ended(house)[-1] == end
    if policy == "hold":
        assert "could not say whether a person sent this: HTTP 503" in why(house)[0]
        [*_, held] = rows(store, tables.inbox_events)
        house.replay(held["id"]), house.decide()  # a person has looked at it
        assert ended(house)[-1][0] == "new"


@pytest.mark.parametrize(
    ("answers", "end"),
    [
        ([{"success": False, "error-codes": ["invalid-input-secret"]}], "CAPTCHA_DOWN"),  # ours is wrong
        ([None, {"success": False, "error-codes": ["timeout-or-duplicate"]}], "CAPTCHA_DOWN"),
        ([{"success": False, "error-codes": ["timeout-or-duplicate"]}], "CAPTCHA"),
    ],
)
def test_what_is_no_word_of_the_person_makes_no_spam(store, answers, end):
    house = guarded_house(store)
    posted(house)
    says = desk(house, *(Answered(one) if one else Later("no answer: ReadTimeout") for one in answers))
    for _ in answers:
        ask_all(says), house.clock.advance(60)
    house.decide()
    assert ended(house)[-1][1] == end


def test_who_sends_it_on_its_way_by_hand_does_not_wait_for_the_verdict(store):
    house = guarded_house(store)
    posted(house)
    [waiting] = rows(store, tables.inbox_events)[-1:]
    house.replay(waiting["id"]), house.decide()
    assert ended(house)[-1][0] == "new"
    refused = Answered({"success": False, "error-codes": ["invalid-input-response"]})
    ask_all(desk(house, refused)), house.decide()
    assert count(store, tables.leads) == 1
    assert ended(house)[-1][0] == "done"


def test_who_is_erased_takes_the_post_along_that_waited(store):
    house = guarded_house(store)
    posted(house, email="made-up")  # quarantined, mended, checked no more
    house.replay(rows(store, tables.inbox_events)[-1]["id"], phone="+4930901820"), house.decide()
    house.replay(rows(store, tables.inbox_events)[-1]["id"], email=ADA), house.decide()
    posted(house, first_name="Ada")
    ask_all(desk(house, PASSED)), house.decide()
    gone = [ForgetLead(house.lead_id(ADA), HUBSPOT, (), ())]
    house.store.write(lambda connection: forget.people(connection, "main", gone, house.clock.now()))
    assert [row for row in rows(store, tables.inbox_events) if row["source"] == "website"] == []


def test_a_process_that_dies_loses_no_post(store):
    house = guarded_house(store)
    posted(house)
    claim(desk(house))  # and is killed
    house.restart(), house.clock.advance(121)
    assert ask_all(desk(house, PASSED)) == 1
    house.decide()
    assert ended(house)[-1][0] == "new"


def test_a_test_of_the_source_proves_itself_by_the_secret(store):
    house = guarded_house(store, kind="recaptcha_v3")
    posted(house, token=own_token(SECRET), _leadrelay_test=True)
    ask_all(desk(house, call=None)), house.decide()  # nobody is asked
    assert ended(house)[-1][0] == "new"


def test_what_became_of_a_token_is_not_known_for_ever(store):
    house = guarded_house(store)
    posted(house)
    ask_all(desk(house, PASSED))
    house.clock.advance(timedelta(days=8).total_seconds())
    assert house.store.write(lambda connection: checks.drop_old(connection, "main", house.clock.now())) == 1


@pytest.mark.parametrize(
    ("kind", "minted"),
    [
        ("turnstile", {"provider": "turnstile"}),
        ("hcaptcha", {"provider": "hcaptcha"}),
        ("recaptcha_v2", {"provider": "recaptcha"}),
        ("recaptcha_v3", {"provider": "recaptcha", "score": 0.7, "action": "demo"}),
    ],
)
def test_each_provider_is_asked_as_it_wants_to_be(store, office: Office, kind, minted):
    house = guarded_house(store, kind=kind)
    token = office.post("captcha", hostname="www.northlight.example", **minted)["token"]
    for each in (token, "made-up"):
        posted(house, token=each, email=f"{each}@example.com")
    assert ask_all(desk(house, call=enrichment.ask, base=office.url)) == 2
    house.decide()
    assert sorted(ended(house))[:3:2] == [("new", ""), ("replayed", "CAPTCHA_WAITS")]
    assert ("spam", "CAPTCHA") in ended(house)
