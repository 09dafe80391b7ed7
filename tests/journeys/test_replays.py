"""A person looks at what was set aside, says the word, and it goes on its way."""

from __future__ import annotations

ADA = {
    "email": "ada@analytical.example",
    "last_name": "Lovelace",
    "phone": "+442079460018",
    "form_type": "demo",
}


def newest_set_aside(house, state):
    [event] = house.command_json("status")["set_aside"]
    assert event["state"] == state
    return str(event["id"])


def test_a_quarantined_post_goes_on_with_the_field_that_a_person_corrected(house):
    house.deliver(**ADA | {"email": "ada at analytical", "phone": ""})
    number = newest_set_aside(house, "quarantined")
    assert "email" in house.command("explain", f"event:{number}")
    assert all(crm.records() == [] for crm in house.crms.values())
    house.command("replay", number, "--set", f"email={ADA['email']}")
    house.settle()
    assert {person["last_name"] for person in house.everywhere(ADA["email"]).values()} == {"Lovelace"}
    ends = house.website()
    assert (ends.received, ends.delivered, ends.quarantined, ends.in_flight) == (1, 1, 0, 0)


def test_spam_that_is_none_goes_on_when_it_is_released(house):
    house.deliver(**ADA, fax_number="+44 20 7946 0000")
    number = newest_set_aside(house, "spam")
    assert all(crm.records() == [] for crm in house.crms.values())
    house.command("replay", number, "--release")
    house.settle()
    house.everywhere(ADA["email"])
    ends = house.website()
    assert (ends.received, ends.delivered, ends.spam) == (1, 1, 0)


def test_a_phone_alone_joins_the_lead_that_a_person_names(house):
    house.deliver(**ADA)
    house.deliver(phone=ADA["phone"], job_title="Countess", last_name="King")
    number = newest_set_aside(house, "review")
    assert {person["last_name"] for person in house.everywhere(ADA["email"]).values()} == {"Lovelace"}
    house.command("replay", number, "--lead", house.story(ADA["email"]).lead.id)
    house.settle()
    for person in house.everywhere(ADA["email"]).values():
        assert (person["last_name"], person["title"]) == ("King", "Countess")
    ends = house.website()
    assert (ends.received, ends.delivered, ends.merged, ends.review) == (2, 1, 1, 0)


def test_a_phone_alone_is_a_new_lead_when_a_person_says_so(house, hubspot, salesforce):
    house.deliver(phone="+14155550101", last_name="Caller")
    house.command("replay", newest_set_aside(house, "review"), "--lead", "new")
    house.settle()
    assert [person["phone"] for person in salesforce.people()] == ["+14155550101"]
    assert hubspot.records() == []  # where nothing but an address would find them again
    assert house.website().review == 0


def test_a_replay_of_what_was_not_set_aside_changes_nothing(house):
    house.deliver(**ADA)
    calls = [crm.writes_asked() for crm in house.crms.values()]
    [first] = [chapter.event for chapter in house.story(ADA["email"]).chapters if chapter.kind == "intake"]
    told = house.command("replay", str(first), exit_code=1)
    assert f"Event {first} is not set aside" in told
    house.settle()
    assert calls == [crm.writes_asked() for crm in house.crms.values()]
    assert house.website().delivered == 1
