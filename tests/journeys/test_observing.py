"""A connection that observes is read and never written, whatever comes in."""

from __future__ import annotations

from tests.journeys.crowd import a_crowd, send
from tests.waiting import eventually


def test_nothing_at_all_is_written_where_the_sandbox_flag_is_not_set(closed_house):
    house = closed_house.start(LEADRELAY_SANDBOX="false").settle_in()
    crowd = a_crowd(seed=5, posts=60)
    send(crowd, lambda: f"http://127.0.0.1:{house.daemon.port}")
    eventually(lambda: house.website().in_flight == len(crowd.people) + 6, "every post decided")
    assert {one["mode"] for one in house.daemon.facts()["connections"].values()} == {"observe"}
    house.stop()  # what was on its way would be written by now
    for crm in house.crms.values():
        assert crm.writes_asked() == 0
        assert crm.history() == []
        reads = ("/search", "/composite")  # the backfill's
        assert all(call.startswith("GET ") or call.endswith(reads) for call in crm.calls())


def test_what_was_decided_while_observing_goes_out_once_writing_begins(closed_house):
    house = closed_house.start(LEADRELAY_SANDBOX="false").settle_in()
    house.post(email="ada@analytical.example", last_name="Lovelace")
    eventually(lambda: house.website().in_flight, "the decision")
    house.stop()
    house.start(LEADRELAY_SANDBOX="true")
    house.settle()
    house.everywhere("ada@analytical.example")
