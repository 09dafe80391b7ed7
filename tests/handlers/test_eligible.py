"""Who is skipped and why, what is done when nobody is free, sticky owners, and shares of a pool."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.assign import Assign
from handlers.base import Seat
from handlers.workload import Workload, asked_since
from mappings.playbook import Absence, Accounts, Person, Share
from model.account import account_id
from model.decision import AskReview, Assigned, Way
from model.hours import Calendar, Span
from tests.builders import (
    a_context,
    a_lead,
    a_lifecycle,
    a_pool,
    a_routing,
    a_teammate,
    a_territory,
    facts,
    field_is,
    place,
    reasons,
)

ANN, BO, CY, DEE = (f"{name}@example.com" for name in ("ann", "bo", "cy", "dee"))
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar("office", BERLIN, ((Span(540, 1020),),) * 5 + ((), ()), {}, frozenset())
SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
TODAY = datetime(2026, 3, 8, 23, 0, tzinfo=UTC)  # since midnight in Berlin
POOLS = (a_pool("dach", ANN, BO), a_pool("rest", CY))
DACH = a_territory("DACH", field_is("country", "DE"), pool="dach")
ACME = account_id("main", "acme.example")


def routing(*people, dach=POOLS[0], **given):
    made = a_routing(DACH, pools=(dach, POOLS[1]))
    return replace(made, people={one.email: one for one in people}, sticky_place=place(2), **given)


def a_person(email, **given):
    return Person(email, place(50), **given)


def decided(rules, *, work=None, now=MONDAY, lead=None, known=None):
    known = known or facts()
    known.work = work or known.work
    lead = lead or a_lead(stage="mql", country="DE", email="x@acme.example")
    context = replace(a_context(lookups=known), now=now)
    return Assign(rules, a_lifecycle(), Accounts())(lead, context)


def owner(decision):
    return decision.fields.get("owner")


@pytest.mark.parametrize(
    ("person", "now", "why"),
    [
        (a_person(ANN, calendar=OFFICE), SATURDAY, "is off shift until Mon 09:00 Europe/Berlin"),
        (
            a_person(ANN, absent=(Absence(date(2026, 3, 9), date(2026, 4, 3)),)),
            MONDAY,
            "is absent until 3 April",
        ),
        (a_person(ANN, calendar=OFFICE, caps={"day": 10}), MONDAY, "is at the cap: 10/10 today"),
        (a_person(ANN, open_leads=3), MONDAY, "is at the cap: 3/3 open leads"),
    ],
)
def test_who_cannot_take_a_lead_now_is_skipped_and_it_is_said_why(person, now, why):
    work = Workload(given={ANN: {TODAY: 10}}, open_leads=Counter({ANN: 3}))
    decision = decided(routing(person), now=now, work=work)
    assert owner(decision) == BO
    assert reasons(decision)[-1].endswith(f"; skipped: {ANN} {why}")


@pytest.mark.parametrize(
    ("person", "now"),
    [
        (a_person(ANN, calendar=OFFICE), MONDAY),
        (a_person(ANN, absent=(Absence(date(2026, 3, 1), date(2026, 3, 8)),)), MONDAY),
        (a_person(ANN, absent=(Absence(date(2026, 3, 10), date(2026, 3, 11)),)), MONDAY),
        (a_person(ANN, calendar=OFFICE, caps={"day": 11}), MONDAY),
        (a_person(ANN, open_leads=4), MONDAY),
    ],
)
def test_who_can_take_it_is_not_skipped(person, now):
    work = Workload(given={ANN: {TODAY: 10}}, open_leads=Counter({ANN: 3}))
    assert owner(decided(routing(person), now=now, work=work)) == ANN


def test_an_absence_begins_and_ends_at_midnight_where_the_person_works():
    person = a_person(ANN, calendar=OFFICE, absent=(Absence(date(2026, 3, 9), date(2026, 3, 9)),))
    night = Calendar("always", BERLIN, ((Span(0, 1440),),) * 7, {}, frozenset())
    person = replace(person, calendar=night)
    at = [datetime(2026, 3, 8, 22, 59, tzinfo=UTC), TODAY, datetime(2026, 3, 9, 23, 0, tzinfo=UTC)]
    assert [owner(decided(routing(person), now=now)) for now in at] == [ANN, BO, ANN]


def test_the_pool_s_calendar_holds_for_those_who_have_none():
    always = Calendar("always", BERLIN, ((Span(0, 1440),),) * 7, {}, frozenset())
    dach = replace(POOLS[0], calendar=OFFICE)
    assert owner(decided(routing(dach=dach), now=SATURDAY)) == CY
    assert owner(decided(routing(a_person(BO, calendar=always), dach=dach), now=SATURDAY)) == BO


def test_a_member_takes_only_what_fits():
    ann, bo = POOLS[0].members
    dach = replace(POOLS[0], members=(replace(ann, takes=field_is("language", "fr")), bo))
    decision = decided(routing(dach=dach))
    assert owner(decision) == BO
    assert f"skipped: {ANN} takes only language in fr" in reasons(decision)[-1]
    french = a_lead(stage="mql", country="DE", language="fr")
    assert owner(decided(routing(dach=dach), lead=french)) == ANN


@pytest.mark.parametrize(("asked", "expected"), [(True, BO), (False, ANN)])
def test_an_earlier_owner_does_not_get_a_lead_again_where_that_is_asked(asked, expected):
    work = Workload(earlier_owners={"L1": {ANN}})
    assert owner(decided(routing(dach=replace(POOLS[0], skip_earlier_owners=asked)), work=work)) == expected


@pytest.mark.parametrize(("if_nobody", "expected"), [("fallback", CY), ("any_member", BO), ("ask", None)])
def test_what_becomes_of_a_lead_that_nobody_can_take_is_the_pool_s_to_say(if_nobody, expected):
    away = a_person(ANN, calendar=OFFICE, absent=(Absence(date(2026, 3, 1), date(2026, 3, 31)),))
    rules = routing(away, a_person(BO, calendar=OFFICE), dach=replace(POOLS[0], if_nobody=if_nobody))
    decision = decided(rules, now=SATURDAY)
    assert owner(decision) == expected
    assert any(isinstance(one, AskReview) for one in decision.effects) is (expected is None)


def test_any_member_is_nobody_who_is_away_or_unfit():
    away = [a_person(who, absent=(Absence(date(2026, 3, 1), date(2026, 3, 31)),)) for who in (ANN, BO)]
    decision = decided(routing(*away, dach=replace(POOLS[0], if_nobody="any_member")))
    assert owner(decision) == CY


def test_the_owner_of_a_territory_is_asked_for_absence_and_not_for_shift_or_cap():
    busy = a_person(DEE, calendar=OFFICE, caps={"day": 0}, open_leads=0)
    rules = replace(routing(busy), territories=(a_territory("Key", field_is("country", "DE"), owner=DEE),))
    assert owner(decided(rules, now=SATURDAY)) == DEE
    gone = replace(busy, absent=(Absence(date(2026, 3, 7), date(2026, 3, 7)),))
    decision = decided(replace(rules, people={DEE: gone}), now=SATURDAY)
    assert owner(decision) == CY
    assert reasons(decision)[1] == f"skipped: {DEE} is absent until 7 March"


# -- sticky


def stuck(owners, **given):
    return Workload(account_owners={ACME: Counter(owners)}, **given)


@pytest.mark.parametrize(
    ("owners", "expected"),
    [({BO: 3}, BO), ({DEE: 1}, DEE), ({BO: 2, DEE: 1}, ANN), ({}, ANN), ({BO: 0}, ANN)],
)
def test_a_company_s_lead_goes_to_the_one_owner_of_its_others(owners, expected):
    assert owner(decided(routing(is_sticky=True), work=stuck(owners))) == expected
    assert owner(decided(routing(), work=stuck(owners))) == ANN


def test_a_sticky_lead_counts_as_a_turn_only_where_that_is_asked_and_the_owner_is_in_the_pool():
    [counted] = decided(routing(is_sticky=True), work=stuck({BO: 1})).effects
    assert counted == Assigned(BO, None, "dach", 1.0, Way.STICKY, 0.0)
    free = decided(routing(is_sticky=True, count_sticky=False), work=stuck({BO: 1})).effects
    other = decided(routing(is_sticky=True), work=stuck({DEE: 1})).effects
    assert (free, other) == (
        (Assigned(BO, None, way=Way.STICKY),),
        (Assigned(DEE, None, way=Way.STICKY),),
    )


def test_a_sticky_owner_who_cannot_own_it_is_skipped_and_shifts_do_not_count():
    teammates = [a_teammate(ANN, hubspot=True), a_teammate(BO, hubspot=False)]
    decision = decided(routing(is_sticky=True), work=stuck({BO: 1}), known=facts(teammates=teammates))
    assert owner(decision) == ANN
    assert reasons(decision)[1] == f"account {ACME}: skipped: {BO} is inactive in hubspot"
    rules = routing(a_person(BO, calendar=OFFICE), is_sticky=True)
    assert owner(decided(rules, work=stuck({BO: 1}), now=SATURDAY)) == BO


def test_free_mail_is_no_company_and_a_test_lead_sticks_to_nobody():
    rules, work = routing(is_sticky=True), stuck({BO: 1})
    work.account_owners[""] = Counter({BO: 1})
    private = a_lead(stage="mql", country="DE", email="x@gmail.com")
    assert owner(decided(rules, work=work, lead=private)) == ANN
    test = a_lead(stage="mql", country="DE", email="x@acme.example", is_test=True)
    assert owner(decided(rules, work=work, lead=test)) == ANN


def test_who_got_a_sticky_lead_waits_for_the_others_and_nobody_else_loses_by_it():
    """The next turns go to the others; a place that was below is not mistaken for one of somebody away."""
    known = facts(seats={"dach": {ANN: Seat(10, 8, 9), BO: Seat(10, 9, 9)}})
    rules = routing(is_sticky=True)
    got = []
    for n, owners in enumerate([{BO: 1}, {BO: 1}, {}, {}, {}, {}], 10):
        lead = a_lead(f"L{n}", stage="mql", country="DE", email="x@acme.example")
        known.work = stuck(owners)
        decision = decided(rules, lead=lead, known=known)
        known.keep(lead, [decision], n)
        got.append(owner(decision))
    assert got == [BO, BO, ANN, ANN, BO, ANN]


# -- shares


def shared(share=0.2, of_last=10):
    top = Share("Top", field_is("title", "CEO"), "rest", share, of_last, place(40))
    return routing(shares=(top,))


CEO = {"stage": "mql", "country": "DE", "title": "CEO"}


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ([], ANN),  # one of one would be more than a fifth
        (["dach"] * 4, CY),
        (["dach"] * 3 + ["rest"], ANN),
        (["rest"] + ["dach"] * 9, CY),  # the tenth last does not count any more
        (["rest"] * 2 + ["dach"] * 8, CY),  # of the last ten with this one two
        (["dach"] * 7 + ["rest"] * 2, ANN),
    ],
)
def test_a_pool_gets_the_best_up_to_its_share(last, expected):
    assert owner(decided(shared(), lead=a_lead(**CEO), work=Workload(last_pools=list(last)))) == expected


def test_it_is_said_that_a_share_is_used_up_and_others_do_not_ask_for_it():
    decision = decided(shared(), lead=a_lead(**CEO), work=Workload(last_pools=["rest"] * 2 + ["dach"] * 7))
    assert reasons(decision)[1] == "share Top: rest had 2 of the last 9, at most 20%: not this one"
    assert len(reasons(decided(shared(), lead=a_lead(**(CEO | {"title": "CTO"}))))) == 2


@given(
    st.lists(st.booleans(), min_size=1, max_size=80),
    st.sampled_from([0.1, 0.2, 0.29, 0.5, 1.0]),
    st.integers(5, 20),
)
def test_no_stretch_of_leads_holds_more_than_the_share(tops, share, of_last):
    known, rules, given_to = facts(), shared(share, of_last), []
    for n, is_top in enumerate(tops):
        lead = a_lead(f"L{n}", **(CEO if is_top else CEO | {"title": "CTO"}))
        decision = decided(rules, lead=lead, known=known)
        known.keep(lead, [decision], n + 1)
        given_to.append(owner(decision) == CY)
    for end in range(1, len(given_to) + 1):
        stretch = given_to[max(0, end - of_last) : end]
        if stretch[-1]:
            assert sum(stretch) <= share * len(stretch) + 1e-9


# -- counting


def test_a_lead_that_was_given_counts_for_the_next_of_the_batch():
    known = facts()
    known.work = Workload(given={ANN: {TODAY: 0}})
    rules = routing(a_person(ANN, calendar=OFFICE, caps={"day": 1}))
    got = []
    for n in range(1, 5):
        lead = a_lead(f"L{n}", stage="mql", country="DE", is_test=n == 1)
        decision = decided(rules, lead=lead, known=known)
        known.keep(lead, [decision], n)
        got.append(owner(decision))
    assert got == [ANN, ANN, BO, BO]  # the first is a test lead, which counts for nothing


def test_leads_are_open_while_they_are_on_the_way():
    work, stages = Workload(), frozenset({"mql"})
    new = a_lead(stage="mql", owner=ANN, account=ACME)
    work.changed(None, new, stages)
    assert (work.open_leads[ANN], work.account_owners[ACME][ANN]) == (1, 1)
    won = a_lead(stage="customer", owner=ANN, account=ACME)
    work.changed(new, won, stages)
    assert (work.open_leads[ANN], work.account_owners[ACME][ANN]) == (0, 1)
    work.changed(won, a_lead(stage="mql", owner=BO, account=ACME), stages)
    assert (work.open_leads, +work.account_owners[ACME]) == (Counter({ANN: 0, BO: 1}), Counter({BO: 1}))
    work.changed(None, a_lead(stage="mql", owner=BO, is_test=True), stages)
    assert work.open_leads[BO] == 1


def test_a_lead_that_is_taken_into_another_is_none_of_its_own_and_its_owners_are_the_others():
    work, stages = Workload(earlier_owners={"L1": {ANN}, "L2": {BO}}), frozenset({"mql"})
    kept, gone = (a_lead(each, stage="mql", owner=ANN, account=ACME) for each in ("L1", "L2"))
    work.changed(None, kept, stages)
    work.changed(None, gone, stages)
    work.absorbed(gone, "L1", stages)
    assert (work.open_leads[ANN], work.account_owners[ACME][ANN]) == (1, 1)
    assert work.earlier_owners == {"L1": {ANN, BO}}


def test_leads_are_counted_by_the_clock_of_the_person_or_the_pool():
    dach = replace(POOLS[0], calendar=OFFICE)
    rules = routing(a_person(ANN, caps={"day": 1}), a_person(CY, caps={"day": 1, "month": 9}), dach=dach)
    asked = asked_since(rules, MONDAY)
    assert asked == {
        ANN: {TODAY},
        CY: {datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)},
    }
