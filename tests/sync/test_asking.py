"""Providers are asked once, within their cap, by an answer of late where one is kept; people's words stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from model.decision import ForgetLead
from model.enrichment import Later, Refused, Request
from sync import explain, forget, tables
from sync.asking import answers, asks, books
from sync.asking.desk import LANES, MOST_AT_ONCE, MOST_CALLS, claim, finish
from tests.sync.asked import FIRMO, Provider, a_desk, ask_all, asking_house, calls_of
from tests.sync.followed import ADA, BO
from tests.sync.house import HUBSPOT, SALESFORCE
from tests.sync.stores import count, rows
from tests.sync.test_carrying import tell

UNBOUND = FIRMO.replace("per_day: 3, per_month: 5", "per_day: 90")
ACME = {"person": {"role": "CEO"}, "hq": {"country": "Germany"}, "secrets": "of no interest"}


def told(house, address=ADA) -> list[str]:
    """Return all that was said of a lead in its last event."""
    with house.store.snapshot() as snapshot:
        return [one["text"] for one in explain.read(snapshot, house.lead_id(address)).chapters[-1].reasons]


def states(house) -> list[tuple[str, int]]:
    return [(row["state"], row["attempts"]) for row in rows(house.store, tables.asks)]


def test_an_answer_fills_blanks_and_moves_the_lead_and_its_owner_stays(store):
    house = asking_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    owner, provider = house.lead(ADA).owner, Provider({"acme": ACME})
    assert ask_all(a_desk(house, provider)) == 1
    [request] = provider.requests
    assert (request.url, request.headers["Authorization"]) == (
        "https://api.firmo.example/v1/companies/acme",
        "Bearer s3cret",
    )
    house.decide()
    lead = house.lead(ADA)
    assert (lead.fields["title"], lead.fields["country"], lead.stage) == ("CEO", "DE", "mql")
    assert lead.owner == owner
    assert lead.provenance["title"].source == "provider:firmo"
    assert "taken from firmo: title, country" in told(house)
    house.settle()
    assert house.crms[HUBSPOT].one(ADA)["title"] == "CEO"
    [row] = rows(store, tables.asks)
    assert (row["state"], row["told"], calls_of(house)) == ("answered", {}, {"2026-03-02": 1, "2026-03": 1})
    [kept] = rows(store, tables.answers)
    assert "secrets" not in kept["said"]


def test_it_is_asked_once_for_the_same_words_and_again_for_others(store):
    house, provider = asking_house(store), Provider()
    desk = a_desk(house, provider)
    for company in ("acme", "acme", "zenith", "acme"):
        house.post(email=ADA, company=company), house.decide(), ask_all(desk), house.decide()
        house.clock.advance(60)
    assert [one.url.rpartition("/")[2] for one in provider.requests] == ["acme", "zenith"]
    assert states(house) == [("unknown", 1), ("unknown", 1)]
    house.post(email=BO, company="acme"), house.decide()
    assert ask_all(desk) == 0  # somebody else of that company: the answer of then serves
    house.decide()
    assert any("firmo knows nothing of it, by its answer of" in text for text in told(house, BO))
    house.clock.advance(timedelta(days=31).total_seconds())
    house.post(email="cy@example.com", company="acme"), house.decide()
    assert ask_all(desk) == 1


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ({"title": "Nurse"}, {}, "Nurse"),  # the person has said it before
        ({}, {"title": "Nurse"}, "Nurse"),  # the person says it later
    ],
)
def test_what_a_person_said_stays_whoever_was_later(store, first, then, kept):
    house = asking_house(store)
    house.post(email=ADA, company="acme", **first), house.decide()
    ask_all(a_desk(house, Provider({"acme": ACME}))), house.decide()
    if then:  # said before the provider was asked, and heard of now
        before = house.clock.now() - timedelta(hours=1)
        house.post(email=ADA, occurred_at=before, **then), house.decide()
    assert house.lead(ADA).fields["title"] == kept
    assert house.lead(ADA).fields["country"] == "DE"


def test_what_somebody_types_in_a_crm_counts_more_whose_field_it_is(store):
    house = asking_house(store)
    house.post(email=ADA, company="acme"), house.settle()
    ask_all(a_desk(house, Provider({"acme": ACME}))), house.settle()
    record = house.lead(ADA).links[HUBSPOT].remote_id
    house.crms[HUBSPOT].edit(record, country="AT")
    tell(house, HUBSPOT, record), house.settle()
    assert house.lead(ADA).fields["country"] == "AT"  # of authority leadrelay, but nobody here has said it
    assert house.crms[SALESFORCE].one(ADA)["country"] == "AT"


def test_a_provider_that_is_down_is_asked_again_and_given_up_in_the_end(store):
    house = asking_house(store, UNBOUND)
    house.post(email=ADA, company="acme"), house.decide()
    provider = Provider({"acme": ACME}, says=[Later("HTTP 503") for _ in range(MOST_CALLS)])
    desk = a_desk(house, provider)
    assert ask_all(desk) == 1
    for wait in (2, 8, 32):
        house.clock.advance(wait - 1)
        assert ask_all(desk) == 0
        house.clock.advance(1)
        assert ask_all(desk) == 1
    house.clock.advance(86_400)
    assert ask_all(desk) == 0
    house.decide()
    assert told(house)[0] == "firmo gave no answer: HTTP 503"


def test_one_that_wants_to_be_left_alone_is_left_alone_by_all(store):
    house = asking_house(store)
    for address, company in ((ADA, "acme"), (BO, "zenith")):
        house.post(email=address, company=company)
    house.decide()
    provider = Provider(says=[Later("HTTP 429", 90, is_busy=True), Later("HTTP 429", 90, is_busy=True)])
    desk = a_desk(house, provider)
    claimed, _ = claim(desk)
    for one in claimed:
        finish(desk, one)
    house.clock.advance(89)
    assert ask_all(desk) == 0
    house.clock.advance(1)
    assert claim(desk)[0]


@pytest.mark.parametrize("policy", ["skip", "later"])
def test_a_refusal_is_told_and_not_asked_again(store, policy):
    house = asking_house(store, FIRMO + f"    on_failure: {policy}\n")
    house.post(email=ADA, company="acme"), house.decide()
    assert ask_all(a_desk(house, Provider(says=[Refused("HTTP 401 auth")]))) == 1
    house.decide()
    assert states(house) == [("failed", 1)]
    assert told(house)[0] == "firmo gave no answer: HTTP 401 auth"


def test_without_an_answer_it_may_be_asked_again_on_other_days(store):
    house = asking_house(store, UNBOUND + "    on_failure: later\n")
    house.post(email=ADA, company="acme"), house.decide()
    desk = a_desk(house, Provider({"acme": ACME}, says=[Later("HTTP 503") for _ in range(MOST_CALLS)]))
    for _ in range(MOST_CALLS):
        ask_all(desk), house.clock.advance(60)
    house.decide()
    assert told(house)[0] == "firmo gave no answer: HTTP 503"
    house.clock.advance(86_400)
    assert ask_all(desk) == 1
    house.decide()
    assert house.lead(ADA).fields["title"] == "CEO"


def test_nobody_is_asked_beyond_the_cap_and_the_next_day_may_be_waited_for(store):
    house = asking_house(store, FIRMO + "    at_cap: later\n")
    for n in range(5):
        house.post(email=f"p{n}@example.com", company=f"firm{n}")
    house.decide()
    desk = a_desk(house, Provider())
    assert (ask_all(desk), calls_of(house)) == (3, {"2026-03-02": 3, "2026-03": 3})
    house.clock.advance(12 * 3600)
    assert (ask_all(desk), calls_of(house)["2026-03"]) == (2, 5)
    house.post(email=ADA, company="zenith"), house.decide()
    assert ask_all(desk) == 0  # of the month, though the day has some left
    assert calls_of(house) == {"2026-03-02": 3, "2026-03-03": 2, "2026-03": 5}
    [waiting] = [row for row in rows(store, tables.asks) if row["state"] == "waiting"]
    assert f"{waiting['due_at']:%Y-%m-%d %H:%M}" == "2026-04-01 00:00"


def test_two_processes_do_not_pass_the_cap_together(store, opened):
    house = asking_house(store)
    for n in range(2 * LANES):
        house.post(email=f"p{n}@example.com", company=f"firm{n}")
    house.decide()
    here, there = a_desk(house, Provider()), a_desk(house, Provider())
    there.store = opened()
    claimed = [*claim(here)[0], *claim(there)[0]]
    assert len(claimed) == 3
    assert calls_of(house)["2026-03-02"] == 3


def test_a_process_that_dies_behind_the_call_asks_once_more_and_counts_it(store):
    house = asking_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    provider = Provider({"acme": ACME})
    desk = a_desk(house, provider, lease_term=timedelta(seconds=120))
    [lost], _ = claim(desk)
    provider(Request("GET", "https://api.firmo.example/v1/companies/acme"))  # and dies
    assert ask_all(desk) == 0
    house.clock.advance(121)
    assert ask_all(desk) == 1
    assert calls_of(house)["2026-03-02"] == 2
    finish(desk, lost)  # it was not dead after all, only slow: nothing is told twice
    house.decide()
    assert [row["kind"] for row in rows(store, tables.inbox_events)].count("enriched") == 1


def test_two_leads_of_one_company_are_asked_about_once(store):
    house = asking_house(store)
    for address in (ADA, BO):
        house.post(email=address, company="acme")
    house.decide()
    assert ask_all(a_desk(house, Provider({"acme": ACME}))) == 1
    house.decide()
    assert [house.lead(one).fields["title"] for one in (ADA, BO)] == ["CEO", "CEO"]
    assert sorted(states(house)) == [("answered", 1), ("cached", 0)]


def test_who_is_erased_takes_questions_and_answers_along(store):
    house = asking_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    desk = a_desk(house, Provider({"acme": ACME}))
    [claimed], _ = claim(desk)
    gone = [ForgetLead(house.lead_id(ADA), "hubspot", (), ())]
    house.store.write(lambda connection: forget.people(connection, "main", gone, house.clock.now()))
    finish(desk, claimed)  # its answer comes too late
    house.post(email=BO, company="acme"), house.decide(), ask_all(desk), house.decide()
    gone = [ForgetLead(house.lead_id(BO), "hubspot", (), ())]
    assert count(store, tables.answers) == 1
    house.store.write(lambda connection: forget.people(connection, "main", gone, house.clock.now()))
    assert count(store, tables.answers) == count(store, tables.asks) == 0


ZENITH = {"person": {"role": "CTO"}}


def test_the_answer_about_the_company_of_now_counts_though_it_is_of_the_cache(store):
    house = asking_house(store, UNBOUND)
    desk = a_desk(house, Provider({"acme": ACME, "zenith": ZENITH}))
    for address, company in ((BO, "zenith"), (ADA, "acme"), (ADA, "zenith")):
        house.post(email=address, company=company), house.decide(), ask_all(desk), house.decide()
        house.clock.advance(3600)
    assert ("cached", 0) in states(house)
    assert house.lead(ADA).fields["title"] == "CTO"


def test_a_late_answer_about_an_earlier_company_fills_blanks_only(store):
    house = asking_house(store, UNBOUND)
    desk = a_desk(house, Provider({"acme": ACME, "zenith": ZENITH}))
    house.post(email=ADA, company="acme"), house.decide()
    [slow], _ = claim(desk)
    house.clock.advance(10)
    house.post(email=ADA, company="zenith"), house.decide(), ask_all(desk), house.decide()
    house.clock.advance(10)
    finish(desk, slow), house.decide()
    assert (house.lead(ADA).fields["title"], house.lead(ADA).fields["country"]) == ("CTO", "DE")


def test_answers_go_when_their_term_is_over(store):
    house = asking_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    ask_all(a_desk(house, Provider({"acme": ACME})))
    house.clock.advance(timedelta(days=30).total_seconds())
    dropped = house.store.write(lambda connection: answers.drop_old(connection, "main", house.clock.now()))
    assert dropped == 1
    assert count(store, tables.answers) == 0


def test_a_question_to_a_provider_that_is_gone_or_lacks_its_secret_ends(store):
    house = asking_house(store, FIRMO.replace("FIRMO_KEY", "OTHER_KEY"))
    house.post(email=ADA, company="acme"), house.decide()
    provider = Provider()
    ask_all(a_desk(house, provider)), house.decide()
    assert not provider.requests
    assert "LEADRELAY_PROVIDER_OTHER_KEY is not set" in told(house)[0]
    house.store.write(lambda c: c.execute(sa.update(tables.asks).values(state=asks.WAITING, provider="gone")))
    ask_all(a_desk(house, provider)), house.decide()
    assert 'the playbook has no provider "gone" any more' in told(house)[0]


def test_a_fault_of_ours_loses_no_question(store):
    house = asking_house(store)
    house.post(email=ADA, company="acme"), house.decide()

    def breaks(_request):
        raise RuntimeError("a fault")

    assert ask_all(a_desk(house, breaks)) == 1
    assert states(house) == [("waiting", 1)]


def test_many_who_ask_the_same_stand_in_nobodys_way(store):
    house = asking_house(
        store, UNBOUND + UNBOUND.replace("name: firmo", "name: other").removeprefix("providers:\n")
    )
    for n in range(2 * MOST_AT_ONCE):
        house.post(email=f"p{n}@example.com", company="acme")
    house.decide()
    house.post(email=ADA, company="zenith"), house.decide()
    desk = a_desk(house, Provider({"acme": ACME}))
    first, second = claim(desk)[0], claim(desk)[0]
    asked = {(one.provider.name, one.ask.told["company"]) for one in (*first, *second)}
    assert asked == {(name, company) for name in ("firmo", "other") for company in ("acme", "zenith")}


def test_what_was_asked_spent_and_said_can_be_looked_up(store):
    house = asking_house(store)
    for n, company in enumerate(("acme", "acme", "zenith", "down", "more")):
        house.post(email=f"p{n}@example.com", company=company)
        house.clock.advance(1)
    house.decide()
    desk = a_desk(house, Provider({"acme": ACME}, says=[]))
    ask_all(desk)
    with house.store.snapshot() as snapshot:
        [found] = books.read(snapshot, "main", house.clock.now()).values()
        [told_of_acme] = books.of_lead(snapshot, house.lead_id("p0@example.com"))
    assert (found.answered, found.cached, found.unknown, found.capped) == (1, 1, 2, 1)
    assert (found.today.calls, found.month.calls, f"{found.month.cost:.2f}", found.month.currency) == (
        3,
        3,
        "0.15",
        "EUR",
    )
    assert told_of_acme.said == {"person.role": "CEO", "hq.country": "Germany"}
    house.clock.advance(30)
    house.post(email=ADA, company="again"), house.decide(), ask_all(desk)
    with house.store.snapshot() as snapshot:
        assert books.troubled(snapshot, "main", house.clock.now()) == {
            "firmo": "3 calls in a day are the cap"
        }
        assert books.troubled(snapshot, "main", house.clock.now() + timedelta(hours=2)) == {}
