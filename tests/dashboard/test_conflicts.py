"""The page of conflicts: what waits, a person's choice, what lost, and the same for programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync import tables
from sync.merging.oscillation import mark
from tests.builders import mapped
from tests.dashboard.house import HOSTILE, words
from tests.sync.house import HUBSPOT, SALESFORCE
from tests.sync.stores import rows
from tests.sync.test_following import ADA
from tests.sync.test_holds import both_change, titles, waiting


def let_people_decide(desk) -> None:
    """Ask a person wherever both sides change the title."""
    crms = {}
    for name, crm in desk.house.playbook.crms.items():
        objects = {
            key: replace(
                map_,
                fields=tuple(
                    mapped("title", "title", "hold") if one.remote == "title" else one for one in map_.fields
                ),
            )
            for key, map_ in crm.objects.items()
        }
        crms[name] = replace(crm, objects=objects)
    desk.house.playbook = replace(desk.house.playbook, crms=crms)


@pytest.fixture
def hold(desk):
    let_people_decide(desk)
    both_change(desk.house)
    desk.house.settle()
    [one] = waiting(desk.house)
    return one


def choose(desk, hold, **values):
    """Fill in the form of one of them."""
    page = desk.get("/conflicts").text
    mark = page.split(f'action="/conflicts/{hold.id}"')[1].split('name="theirs" value="')[1].split('"')[0]
    answer = desk.send(f"/conflicts/{hold.id}", "/conflicts", **{"theirs": mark, **values})
    desk.house.settle()
    return answer


def test_nothing_waits_and_nothing_was_lost(desk):
    page = words(desk.get("/conflicts").text)
    assert "Nothing waits" in page
    assert "No conflict" in page


def test_what_waits_is_shown_with_both_values_and_leads_to_the_person(desk, hold):
    page = words(desk.get("/conflicts").text)
    for part in ("title of ada@example.com", "Founder", "CEO", "CTO", "the map asks a person"):
        assert part in page
    assert "1 field waits for your choice between two values" in words(desk.get("/").text)
    lead = words(desk.get(f"/leads/{hold.entity_id}").text)
    assert "title with hubspot waits for you : Founder here, CEO there" in lead


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"choice": "ours"}, "Founder"),
        ({"choice": "theirs"}, "CEO"),
        ({"choice": "value", "value": "Chair"}, "Chair"),
    ],
)
def test_a_choice_settles_it_and_shows_in_the_log(desk, hold, values, title):
    answer = choose(desk, hold, **values)
    assert (answer.status_code, answer.location) == (303, "/conflicts?said=chosen")
    assert titles(desk.house) == {HUBSPOT: title, SALESFORCE: title}
    page = words(desk.get("/conflicts?said=chosen").text)
    assert "Your choice is on its way" in page
    assert "Nothing waits" in page
    assert f"chose {'another value' if title == 'Chair' else ''}" in page
    [event] = [one for one in rows(desk.house.store, tables.inbox_events) if one["kind"] == "choice"]
    assert event["state"] == "done"


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ({"choice": "value", "value": " "}, 422, "Write a value."),
        ({"choice": "value", "value": "x" * 1500}, 422, "characters; at most 1,000"),
        ({"choice": "both"}, 422, "Choose one of: theirs, ours, value."),
        ({"choice": "ours", "theirs": "another"}, 409, "has changed since you looked"),
    ],
)
def test_a_choice_that_cannot_be_made_is_said_and_changes_nothing(desk, hold, values, code, said):
    answer = choose(desk, hold, **values)
    assert answer.status_code == code
    assert said in words(answer.text)
    assert [one.id for one in waiting(desk.house)] == [hold.id]


def test_a_choice_about_what_is_settled_or_was_never_there(desk, hold):
    assert desk.send("/conflicts/999", "/conflicts", choice="ours").status_code == 404
    key = desk.get("/conflicts").text.split('name="csrf" value="')[1].split('"')[0]
    choose(desk, hold, choice="ours")
    form = {"csrf": key, "theirs": mark(hold.theirs), "choice": "theirs"}
    answer = desk.client.post(f"/conflicts/{hold.id}", data=form)
    assert answer.status_code == 422
    assert "It is settled already: (sandbox) chose leadrelay's value." in words(answer.text)


def test_the_log_is_filtered_and_paged(desk, hold, monkeypatch):
    choose(desk, hold, choice="value", value="Chair")
    monkeypatch.setattr("dashboard.conflicts.PAGE", 1)
    first = desk.get("/conflicts").text
    assert "Next page" in first
    path = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert "Next page" not in desk.get(path).text
    assert "No conflict matches" in desk.get("/conflicts?field=company").text
    assert "another value" in desk.get(f"/conflicts?lead={hold.entity_id}&connection=hubspot").text
    assert desk.get("/conflicts?before=x").status_code == 404


def test_values_are_shown_as_they_are_and_run_nothing(desk):
    let_people_decide(desk)
    both_change(desk.house, theirs=HOSTILE)
    page = desk.get("/conflicts").text
    assert "<script>alert" not in page
    assert "{{7*7}}" in page


def test_programs_read_the_same(desk, hold):
    choose(desk, hold, choice="theirs")
    both = desk.ask("/api/v1/conflicts").json
    assert (both["waiting"], both["next"]) == ([], None)
    [lost] = both["lost"]
    assert (lost["field"], lost["kept"], lost["lost"], lost["name"]) == ("title", "CEO", "Founder", ADA)
    assert desk.ask("/api/v1/conflicts?field=city").json["lost"] == []
    assert desk.ask("/api/v1/conflicts?before=x").status_code == 400
