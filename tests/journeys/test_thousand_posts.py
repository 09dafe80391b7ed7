"""A thousand posts, repeats, nonsense and all: everybody arrives once, and every post is accounted for."""

from __future__ import annotations

from tests.journeys.crowd import a_crowd, assert_all_arrived, send


def test_of_a_thousand_posts_everybody_is_in_each_crm_once_and_every_post_is_accounted_for(house):
    crowd = a_crowd(seed=1)
    answers = send(crowd, lambda: f"http://127.0.0.1:{house.daemon.port}")
    house.settle()
    assert_all_arrived(crowd, answers, house, house.crms)
    told = house.command_json("status")["sources"]["website"]
    assert told == {
        "received": 900,
        "delivered": 700,
        "merged": 100,
        "review": told["review"],
        "quarantined": told["quarantined"],
        "spam": told["spam"],
        "dead": 0,
        "in_flight": 0,
        "duplicates": 100,
    }
    assert told["review"] + told["quarantined"] + told["spam"] == 100
