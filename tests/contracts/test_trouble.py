"""When the other side is slow, busy, gone or unwilling: what is said of each change and to the budget."""

from __future__ import annotations

import socket
import threading

import pytest

from model.change import Created, Exists, Postponed, Updated
from model.errors import NotAuthorized, RetryLater
from tests.connectors.endpoints import Notes
from tests.contracts.crms import CRMS, a_change, a_new_person, fields_read

pytestmark = pytest.mark.parametrize("crm", CRMS)


def some_people(crm, count=3):
    return [a_new_person(crm, f"p{number}@example.com") for number in range(count)]


def test_a_lost_answer_is_told_and_a_second_look_finds_the_records(crm, sandboxes):
    connector, server = sandboxes[crm]
    people = some_people(crm)
    server.faults(timeout_rate=1, timeout_s=0.01)
    lost = list(connector.create(people, fields_read(crm)))
    assert [(type(outcome), outcome.answer_lost) for outcome in lost] == [(Postponed, True)] * 3
    server.faults()
    found = list(connector.find(people, fields_read(crm)))
    again = list(connector.create(people, fields_read(crm)))
    assert {type(outcome) for outcome in (*found, *again)} == {Exists}
    assert len(found) == len(again) == len(server.records()) == 3


def test_an_answer_that_takes_too_long_is_lost(crm, sandboxes):
    connector = sandboxes.connect(crm, timeout=(1.0, 0.1))
    sandboxes.servers[crm].faults(timeout_rate=1, timeout_s=1)
    [outcome] = connector.create(some_people(crm, 1), fields_read(crm))
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost


def test_a_lost_answer_of_an_update_is_told(crm, sandboxes):
    connector, server = sandboxes[crm]
    [created] = connector.create(some_people(crm, 1), fields_read(crm))
    server.faults(timeout_rate=1, timeout_s=0.01)
    [lost] = connector.update([a_change(crm, created.ref.id, title="CTO")])
    assert lost.answer_lost
    server.faults()
    [updated] = connector.update([a_change(crm, created.ref.id, title="CTO")])
    assert isinstance(updated, Updated)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_leaves_a_write_in_doubt_and_a_read_not(crm, sandboxes, status):
    connector, server = sandboxes[crm]
    server.faults(error_rate=1, error_status=status)
    [outcome] = connector.create(some_people(crm, 1), fields_read(crm))
    [looked] = connector.find(some_people(crm, 1), fields_read(crm))
    assert (outcome.answer_lost, looked.answer_lost) == (True, False)
    with pytest.raises(RetryLater):
        list(connector.owners())


def test_a_limit_postpones_and_stops_the_connection_for_the_servers_wait(crm, sandboxes):
    budget = Notes()
    connector = sandboxes.connect(crm, budget=budget)
    sandboxes.servers[crm].faults(rate_429=1)
    outcomes = list(connector.create(some_people(crm), fields_read(crm)))
    assert {(type(outcome), outcome.answer_lost) for outcome in outcomes} == {(Postponed, False)}
    [(wait, stops)] = budget.refusals
    assert {outcome.wait for outcome in outcomes} == {wait}
    assert (wait >= 10, stops) == (True, "connection")


def test_the_daily_limit_stops_the_connection_for_a_quarter_of_an_hour(crm, sandboxes):
    budget = Notes()
    connector = sandboxes.connect(crm, budget=budget)
    sandboxes.servers[crm].faults(limits={"daily": 0})
    [outcome] = connector.create(some_people(crm, 1), fields_read(crm))
    assert (outcome.wait, budget.refusals) == (900, [(900, "day")])


def test_what_the_server_says_of_its_limits_is_learned(crm, sandboxes):
    budget = Notes()
    connector = sandboxes.connect(crm, budget=budget)
    sandboxes.servers[crm].faults(limits={"daily": 5000})
    list(connector.create(some_people(crm), fields_read(crm)))
    [day] = [one for one in budget.learned[-1] if one.is_day]
    assert (day.used, day.most) == (1, 5000)
    assert budget.calls == len(budget.learned) == 1


def test_a_bad_token_is_raised_in_the_servers_words(crm, sandboxes):
    connector = sandboxes.connect(crm, "expired")
    calls = [
        lambda: connector.create(some_people(crm), fields_read(crm)),
        lambda: connector.update([a_change(crm, "00Q5g0000000001EAA", title="CTO")]),
        lambda: connector.find(some_people(crm), fields_read(crm)),
        lambda: connector.owners(),
    ]
    for call in calls:
        with pytest.raises(NotAuthorized, match=r"credentials not found|Session expired"):
            list(call())


def test_a_token_that_dies_halfway_takes_no_outcome_with_it(crm, sandboxes):
    connector, server = sandboxes[crm]
    people = some_people(crm, connector.batch_size + 5)
    outcomes = connector.create(people, fields_read(crm))
    first = next(outcomes)
    server.faults(error_rate=1, error_status=401)
    rest = list(outcomes)
    assert isinstance(first, Created)
    assert len(rest) == len(people) - 1
    assert {type(outcome) for outcome in rest[-5:]} == {Postponed}
    with pytest.raises(NotAuthorized):
        list(connector.create(people[-5:], fields_read(crm)))


def test_half_of_a_batch_that_is_busy_waits_and_the_other_half_is_done(crm, sandboxes):
    connector, server = sandboxes[crm]
    server.faults(half_failed_rate=0.5, seed=7)
    outcomes = list(connector.create(some_people(crm, 40), fields_read(crm)))
    created = [outcome for outcome in outcomes if isinstance(outcome, Created)]
    waiting = [outcome for outcome in outcomes if isinstance(outcome, Postponed)]
    assert len(created) == len(server.records())
    assert len(created) + len(waiting) == 40
    assert waiting
    assert not any(outcome.answer_lost for outcome in waiting)


def test_a_tls_failure_leaves_a_write_in_doubt(crm, sandboxes):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_in_plain_http():
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer_in_plain_http, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        connector = type(sandboxes)({crm: type(sandboxes.servers[crm])(crm, url)}).connect(crm)
        [outcome] = connector.create(some_people(crm, 1), fields_read(crm))
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost
    assert "SSLError" in outcome.reason


def test_a_server_that_is_not_there_was_never_asked(crm, sandboxes):
    connector = type(sandboxes)({crm: type(sandboxes.servers[crm])(crm, "http://127.0.0.1:9")}).connect(crm)
    [outcome] = connector.create(some_people(crm, 1), fields_read(crm))
    assert isinstance(outcome, Postponed)
    assert not outcome.answer_lost
