"""The same person posts again: one record in each CRM, one owner, the newest word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.waiting import eventually

ADA = {
    "email": "ada@analytical.example",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "phone": "+442079460018",
    "country": "GB",
    "form_type": "demo",
}


def people_and_owners(house):
    """How many people each CRM holds, and all owners they have."""
    people = [person for crm in house.crms.values() for person in crm.people()]
    return [len(crm.people()) for crm in house.crms.values()], {person["owner"] for person in people}


def test_the_same_body_is_a_duplicate_and_changes_nothing(house):
    first = house.deliver(**ADA)
    calls = {name: crm.writes_asked() for name, crm in house.crms.items()}
    again = house.deliver(**ADA)
    assert first["duplicate"] is False
    assert again == {"event": first["event"], "duplicate": True}
    assert calls == {name: crm.writes_asked() for name, crm in house.crms.items()}
    ends = house.website()
    assert (ends.received, ends.delivered, ends.duplicates) == (1, 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "ADA@Analytical.Example"},
        {"email": " Ada@analytical.example "},
        {"phone": "+442079460999"},
        {"form_type": "newsletter", "page_url": "https://www.northlight.example/?utm_source=bing"},
        {"country": "US", "first_name": "Augusta"},
    ],
    ids=["other case", "spaces", "other phone", "other form", "other territory"],
)
def test_a_repeat_in_other_words_is_the_same_person_with_the_same_owner(house, change):
    house.deliver(**ADA)
    [owner] = people_and_owners(house)[1]
    assert house.deliver(**ADA | change)["duplicate"] is False
    assert people_and_owners(house) == ([1, 1], {owner})
    ends = house.website()
    assert (ends.received, ends.delivered, ends.merged) == (2, 1, 1)
    for person in house.everywhere(ADA["email"]).values():
        assert person["phone"] == change.get("phone", ADA["phone"])
        assert person["first_name"] == change.get("first_name", "Ada")


def test_the_same_body_after_the_dedupe_window_is_the_same_person(house):
    house.deliver(**ADA)
    [owner] = people_and_owners(house)[1]
    house.clock.move_on(minutes=11)
    assert house.deliver(**ADA)["duplicate"] is False
    assert people_and_owners(house) == ([1, 1], {owner})
    assert house.website().merged == 1


def test_a_repeat_while_the_first_is_on_its_way_is_the_same_person(house):
    for crm in house.crms.values():
        crm.faults(latency_ms=400)
    house.post(**ADA)
    for crm in house.crms.values():
        eventually(crm.writes_asked, "a call in flight")
    house.post(**ADA | {"email": "Ada@Analytical.example", "phone": "+442079460999"})
    house.settle()
    counts, owners = people_and_owners(house)
    assert (counts, len(owners)) == ([1, 1], 1)
    assert {person["phone"] for person in house.everywhere(ADA["email"]).values()} == {"+442079460999"}


def test_twenty_repeats_at_once_are_one_person(house):
    for number in range(20):
        house.post(**ADA, message=f"Hello number {number}")
    house.settle()
    counts, owners = people_and_owners(house)
    assert (counts, len(owners)) == ([1, 1], 1)
    assert (house.website().delivered, house.website().merged) == (1, 19)


def test_an_older_word_never_replaces_a_newer_one(house):
    now = datetime.now(UTC)
    house.scan(now - timedelta(hours=1), email=ADA["email"], last_name="King", title="Countess", country="GB")
    house.settle()
    older = {"last_name": "Byron", "title": "Student", "phone": "+442079460001"}
    house.scan(now - timedelta(hours=2), email=ADA["email"], **older)
    house.settle()
    for person in house.everywhere(ADA["email"]).values():
        assert (person["last_name"], person["title"]) == ("King", "Countess")
        assert person["phone"] == "+442079460001"  # nothing newer is known of it
    assert house.status().sources["events"].merged == 1


def test_an_older_word_that_comes_while_the_newer_is_in_flight_does_not_win(house):
    now = datetime.now(UTC)
    for crm in house.crms.values():
        crm.faults(latency_ms=300)
    house.scan(now - timedelta(hours=1), email=ADA["email"], last_name="King", title="Countess")
    house.scan(now - timedelta(hours=2), email=ADA["email"], last_name="Byron", title="Student")
    house.settle()
    for person in house.everywhere(ADA["email"]).values():
        assert (person["last_name"], person["title"]) == ("King", "Countess")
