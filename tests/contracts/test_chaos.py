"""Whatever goes wrong: one outcome a change, and never two records of one person."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.change import Created, Exists, Gone, Rejected, Updated
from model.errors import NotAuthorized
from tests.contracts.crms import CRMS, DIALECTS, a_bad_person, a_change, a_new_person, fields_read

RATES = st.sampled_from([0.0, 0.0, 0.2, 0.6, 1.0])
FAULTS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "drop_rate": RATES,
        "error_rate": RATES,
        "error_status": st.sampled_from([400, 401, 403, 404, 409, 423, 477, 500, 502, 503, 504, 524]),
        "rate_429": RATES,
        "timeout_rate": RATES,
        "half_failed_rate": RATES,
    }
)
CHAOS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def crowd(crm):
    """New people, a bad one, one who is there, and one who is named twice."""
    people = [a_new_person(crm, f"p{number}@example.com") for number in range(12)]
    twin = a_new_person(crm, "P1@example.com", key="twin")
    return [*people, a_bad_person(crm), a_new_person(crm, "old@example.com"), twin]


def asked_and_created(connector, crm, changes):
    """What a deliverer does: look where the CRM needs it, then create who was not found."""
    outcomes = list(connector.find(changes, fields_read(crm))) if connector.asks_before_create else []
    answered = {outcome.key for outcome in outcomes}
    left = [change for change in changes if change.key not in answered]
    return outcomes + list(connector.create(left, fields_read(crm)))


@pytest.mark.parametrize("crm", CRMS)
@CHAOS
@given(rounds=st.lists(FAULTS, min_size=1, max_size=3), data=st.data())
def test_each_change_has_one_outcome_and_nobody_is_created_twice(crm, sandboxes, rounds, data):
    connector, server = sandboxes[crm]
    server.reset()
    list(connector.create([a_new_person(crm, "old@example.com", key="first")], fields_read(crm)))
    waiting, created = crowd(crm), Counter()
    switches = {name: data.draw(st.sampled_from(all_of)) for name, all_of in DIALECTS[crm].switches.items()}
    for setting in [*rounds, {}]:
        server.faults(**setting, **switches, timeout_s=0.005)
        try:
            outcomes = asked_and_created(connector, crm, waiting)
        except NotAuthorized:
            continue
        assert Counter(outcome.key for outcome in outcomes) == Counter(change.key for change in waiting)
        created.update(outcome.key for outcome in outcomes if isinstance(outcome, Created))
        settled = {outcome.key for outcome in outcomes if isinstance(outcome, Created | Exists | Rejected)}
        waiting = [change for change in waiting if change.key not in settled]
    assert all(times == 1 for times in created.values())
    email = DIALECTS[crm].email
    people = Counter(record[email].lower() for record in server.records())
    assert all(times == 1 for times in people.values())


@pytest.mark.parametrize("crm", CRMS)
@CHAOS
@given(setting=FAULTS)
def test_each_update_has_one_outcome_and_says_what_became_true(crm, sandboxes, setting):
    connector, server = sandboxes[crm]
    server.reset()
    people = [a_new_person(crm, f"p{number}@example.com", title="CEO") for number in range(8)]
    refs = [outcome.ref for outcome in connector.create(people, fields_read(crm))]
    server.act("delete", refs[2].object, id=refs[2].id)
    changes = [a_change(crm, ref.id, title="CTO") for ref in refs]
    server.faults(**setting, timeout_s=0.005)
    try:
        outcomes = list(connector.update(changes))
    except NotAuthorized:
        return
    assert Counter(outcome.key for outcome in outcomes) == Counter(change.key for change in changes)
    for outcome, ref in zip(sorted(outcomes, key=lambda each: each.key), refs, strict=True):
        if isinstance(outcome, Updated):
            assert server.record(ref)[DIALECTS[crm].title] == "CTO"
        elif isinstance(outcome, Gone):
            assert ref == refs[2]
        elif not getattr(outcome, "answer_lost", False) and ref != refs[2]:
            assert server.record(ref)[DIALECTS[crm].title] == "CEO"
