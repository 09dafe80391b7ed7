"""The pages of deals and the same for programs."""

from __future__ import annotations

import pytest

from sync import deal_books, outbox
from tests.dashboard.house import HOSTILE, words
from tests.sync.house import HUBSPOT, SALESFORCE
from tests.sync.selling import ADA, Followed, look_and_give_up, move, person, sell, selling, the_deal


@pytest.fixture
def shop(desk):
    """A house that follows deals, with a deal of one person's that is open."""
    desk.house.playbook = selling()
    ids = person(desk.house)
    desk.followed = Followed(desk.house)
    desk.sold = sell(desk.house, HUBSPOT, ids[HUBSPOT], name="Engine")
    desk.followed.look()
    return desk


def test_without_deals_in_the_playbook_there_is_no_way_to_the_page(desk):
    assert 'href="/deals"' not in desk.get("/").text
    assert "Deals are not followed" in words(desk.get("/deals").text)


def test_the_list_shows_how_each_stands_and_filters(shop):
    assert 'href="/deals"' in shop.get("/").text
    page = shop.get("/deals").text
    assert "Engine" in page
    assert "1200.00 USD" in page
    assert "Engine" not in shop.get("/deals?outcome=won").text
    assert shop.get("/deals?outcome=maybe").status_code == 404
    assert shop.get("/deals?after=nowhere").status_code == 404


def test_a_deal_tells_its_story(shop):
    move(shop.house, HUBSPOT, shop.sold, "won", won_reason="best offer")
    shop.followed.look()
    deal = the_deal(shop.house)
    page = shop.get(f"/deals/{deal.id}").text
    text = words(page)
    assert "was open" in text
    assert "best offer" in text
    assert ADA in text
    assert f'href="http://127.0.0.1:8901/hubspot/deals/{shop.sold}"' in page
    assert "the deal was won" in text
    assert shop.get("/deals/de_nobody").status_code == 404


def test_a_lead_s_page_leads_to_its_deals(shop):
    page = shop.get(f"/leads/{shop.house.lead_id(ADA)}").text
    assert f'href="/deals/{the_deal(shop.house).id}"' in page


def test_what_people_wrote_is_shown_as_text(shop):
    shop.house.crms[HUBSPOT].edit(shop.sold, name=HOSTILE, lost_reason=HOSTILE)
    move(shop.house, HUBSPOT, shop.sold, "lost")
    shop.followed.look()
    for path in ("/deals", f"/deals/{the_deal(shop.house).id}", f"/leads/{shop.house.lead_id(ADA)}"):
        page = shop.get(path).text
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_programs_read_the_list_page_by_page_and_one_deal(shop):
    listed = shop.ask("/api/v1/deals").get_json()
    [row] = listed["deals"]
    assert (row["name"], row["outcome"], row["amount"], row["currency"]) == (
        "Engine",
        "open",
        "1200.00",
        "USD",
    )
    assert listed["next"] is None
    one = shop.ask(f"/api/v1/deals/{row['id']}").get_json()
    assert [person["email"] for person in one["people"]] == [ADA]
    assert [told["outcome"] for told in one["outcomes"]] == ["open"]
    assert one["records"][0]["id"] == shop.sold
    [brief] = shop.ask(f"/api/v1/leads/{shop.house.lead_id(ADA)}").get_json()["deals"]
    assert brief["id"] == row["id"]


def test_a_page_ends_where_the_next_begins(shop, monkeypatch):
    ids = {link.connection: link.remote_id for link in shop.house.lead(ADA).links.values()}
    for number in range(4):
        sell(shop.house, HUBSPOT, ids[HUBSPOT], name=f"Deal {number}")
    shop.followed.look()
    monkeypatch.setattr(deal_books.page, "__defaults__", ("", "", 2))
    names, after = [], ""
    while after is not None:
        answer = shop.ask(f"/api/v1/deals?after={after}").get_json()
        names += [row["name"] for row in answer["deals"]]
        after = answer["next"]
    assert sorted(names) == ["Deal 0", "Deal 1", "Deal 2", "Deal 3", "Engine"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/deals?outcome=maybe", 400, "outcome"),
        ("/api/v1/deals?after=nowhere", 400, "after"),
        ("/api/v1/deals/de_nobody", 404, "unknown_deal"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_word(shop, path, status, code):
    answer = shop.ask(path)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_a_deal_that_a_crm_will_not_take_is_a_dead_letter_with_a_way_to_it(shop):
    ids = {link.connection: link.remote_id for link in shop.house.lead(ADA).links.values()}
    shop.house.crms[SALESFORCE].next("create", rejects="Wheel")
    sell(shop.house, HUBSPOT, ids[HUBSPOT], name="Wheel")
    look_and_give_up(shop.followed)
    with shop.house.store.snapshot() as snapshot:
        letter, _ = outbox.dead_letters(snapshot, "main")
    for path in ("/aside/letters", f"/aside/letters/change/{letter.id}"):
        assert f'href="/deals/{letter.lead_id}"' in shop.get(path).text
    page = words(shop.get(f"/deals/{letter.lead_id}").text)
    assert "dead letter salesforce Opportunity: INVALID" in page
