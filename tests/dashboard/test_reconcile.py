"""The pages of comparisons: asked for, shown with reasons, mended after a look; and the same for programs."""

from __future__ import annotations

import pytest

from sync import tables
from sync.reconciling import kinds
from tests.dashboard.house import HOSTILE, words
from tests.sync.house import HUBSPOT
from tests.sync.reconciled import compare, finish, mirrored
from tests.sync.stores import rows
from tests.sync.test_following import ADA, known


@pytest.fixture
def run(desk):
    """A comparison that found a title which was changed in HubSpot and not read."""
    ids = known(desk.house, title="CTO")
    mirrored(desk.house)
    desk.house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CEO")
    return compare(desk.house)


def test_before_the_first_comparison_the_page_says_so(desk):
    page = words(desk.get("/reconcile").text)
    assert page.count("Not compared yet") == 2
    assert "200 each night" in page


def test_a_person_asks_for_one_and_comes_to_it(desk):
    known(desk.house)
    mirrored(desk.house)
    answer = desk.send(f"/reconcile/{HUBSPOT}/compare", "/reconcile", sample="all")
    assert (answer.status_code, answer.location) == (303, "/reconcile/1?said=compared")
    assert "It is under way" in words(desk.get("/reconcile/1").text)
    assert 'hx-trigger="every 3s"' in desk.get("/reconcile/1").text
    assert finish(desk.house).asked.sample is None
    page = words(desk.get("/reconcile/1").text)
    assert "Nothing differs" in page
    assert "leads in leadrelay 1 0 1 have a record there" in page
    [row] = rows(desk.house.store, tables.reconciles)
    assert row["by"] == "(sandbox)"


@pytest.mark.parametrize("sample", ["0", "1001", "x", ""])
def test_no_other_sample_is_taken(desk, sample):
    assert desk.send(f"/reconcile/{HUBSPOT}/compare", "/reconcile", sample=sample).status_code == 400
    assert rows(desk.house.store, tables.reconciles) == []


def test_a_connection_that_is_not_connected_is_not_compared(desk):
    del desk.facts["connections"][HUBSPOT]
    assert f"/reconcile/{HUBSPOT}/compare" not in desk.get("/reconcile").text
    assert desk.send(f"/reconcile/{HUBSPOT}/compare", "/reconcile", sample="200").status_code == 404


def test_a_difference_is_shown_with_both_values_and_its_reason(desk, run):
    page = words(desk.get(f"/reconcile/{run.id}").text)
    for part in (
        ADA,
        "changed there, not read",
        "contacts",
        "title",
        "CTO",
        "CEO",
        "it was changed there at ",
    ):
        assert part in page
    assert "Mend 1" in page
    assert desk.house.lead_id(ADA) in desk.get(f"/reconcile/{run.id}").text


def test_differences_are_filtered_by_kind_and_field(desk, run):
    shown = words(desk.get(f"/reconcile/{run.id}?kind={kinds.UNREAD}&field=title").text)
    assert "CEO" in shown
    other = words(desk.get(f"/reconcile/{run.id}?kind={kinds.GONE}").text)
    assert "None of these" in other
    assert "Mend 1" not in other


def test_mending_is_an_event_and_the_page_says_how_far_it_is(desk, run):
    answer = desk.send(f"/reconcile/{run.id}/mend", f"/reconcile/{run.id}", kind=kinds.UNREAD)
    assert answer.location == f"/reconcile/{run.id}?said=mending"
    assert "0 of 1 handed in" in words(desk.get(f"/reconcile/{run.id}").text)
    [order] = rows(desk.house.store, tables.mends)
    assert (order["asked"], order["by"], order["at_most"]) == ({"kind": "unread"}, "(sandbox)", 100)
    assert desk.house.lead(ADA).fields["title"] == "CTO"  # a page writes no lead


def test_more_than_the_brake_lets_through_needs_a_persons_word(desk, run, monkeypatch):
    monkeypatch.setattr("sync.reconciling.mends.LEAST_BRAKE", 0)
    page = desk.get(f"/reconcile/{run.id}").text
    assert 'name="agreed" value="1" required' in page
    refused = desk.send(f"/reconcile/{run.id}/mend", f"/reconcile/{run.id}")
    assert refused.status_code == 409
    assert "look for the cause first" in words(refused.text)
    agreed = desk.send(f"/reconcile/{run.id}/mend", f"/reconcile/{run.id}", agreed="1")
    assert agreed.location == f"/reconcile/{run.id}?said=mending"


def test_an_older_comparison_is_shown_and_not_mended(desk, run):
    compare(desk.house)
    page = desk.get(f"/reconcile/{run.id}").text
    assert "newer one" in page
    assert "/mend" not in page


def test_what_a_crm_holds_is_no_markup(desk, run):
    [remote_id] = desk.house.crms[HUBSPOT].by_email(ADA)
    desk.house.crms[HUBSPOT].edit(remote_id, title=HOSTILE)
    newer = compare(desk.house)
    page = desk.get(f"/reconcile/{newer.id}").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_an_unknown_comparison_is_not_found(desk):
    assert desk.get("/reconcile/99").status_code == 404
    assert desk.ask("/api/v1/reconciles/99").status_code == 404


def test_a_program_reads_the_same(desk, run):
    told = desk.ask("/api/v1/reconciles").json["connections"]
    assert [one["id"] for one in told[HUBSPOT]] == [run.id]
    one = desk.ask(f"/api/v1/reconciles/{run.id}?kind=unread").json
    [difference] = one["differences"]
    assert (difference["ours"], difference["theirs"], difference["kind"]) == ("CTO", "CEO", "unread")
    assert (one["found"], one["unexplained"], one["shares"]["links"]) == (1, 0, 0.0)
    assert desk.ask(f"/api/v1/reconciles/{run.id}?kind=gone").json["differences"] == []
    assert desk.ask(f"/api/v1/reconciles/{run.id}?after=x").status_code == 400


def test_the_overview_leads_to_what_the_night_found(desk):
    desk.facts["alarms"] = [
        {"kind": "reconcile", "subject": HUBSPOT, "text": "3.0 % of the records compared", "since": ""}
    ]
    page = desk.get("/").text
    assert "reconcile: 3.0 % of the records compared" in words(page)
    assert 'href="/reconcile"' in page
