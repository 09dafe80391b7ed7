"""One record of a hundred that a CRM does not take: it stands alone, and goes out once its cause is gone."""

from __future__ import annotations

import pytest

from tests.journeys.crowd import Crowd, Post, send
from tests.waiting import eventually

BAD = {"email": "bad@company.example", "last_name": "Bad", "form_type": "demo"}
GOOD = [
    {"email": f"p{n}@company.example", "last_name": f"P{n}", "form_type": "whitepaper"} for n in range(99)
]
CROWD = Crowd([Post(body, "person") for body in [*GOOD[:50], BAD, *GOOD[50:]]])

TYPING_ERROR = {  # in the CRM's map: what the file says, what somebody made of it
    "hubspot": ("mql: marketingqualifiedlead", "mql: hot"),
    "salesforce": ("mql: Open - Not Contacted", "mql: Hot"),
}
WORDS = {
    "hubspot": "hot was not one of the allowed options",
    "salesforce": "bad value for restricted picklist field",
}
STRICT = {"hubspot": {}, "salesforce": {"lead_status": "restricted"}}


def batches(crm):
    """How many people each create call carried."""
    calls = [
        sent for sent in crm.sent if sent.path.endswith(("/contacts/batch/create", "/composite/sobjects"))
    ]
    rows = [sent.body.get("inputs") or sent.body["records"] for sent in calls if sent.method == "POST"]
    return [len(each) for each in rows if each[0].get("attributes", {}).get("type") != "Account"]


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_one_bad_record_of_a_hundred_stands_alone_and_goes_out_once_its_cause_is_gone(closed_house, name):
    house, crm = closed_house, closed_house.crms[name]
    right, wrong = TYPING_ERROR[name]
    house.edit(f"crm/{name}.yaml", right, wrong)
    house.start().settle_in()
    crm.faults(error_rate=1, error_status=503)
    send(CROWD, lambda: f"http://127.0.0.1:{house.daemon.port}")
    eventually(lambda: house.waiting(name) == 101, "a hundred changes that wait, and their company's")
    crm.sent.clear()
    crm.faults(**STRICT[name])
    house.clock.move_on(hours=1)
    house.settle()

    assert max(batches(crm)) > 10  # many together: who was due before the hour may have gone ahead
    assert {person["email"] for person in crm.people()} == {post["email"] for post in GOOD}
    letters = house.dead_letters()
    [letter] = [one for one in letters if one.kind == "lead"]
    others = [one.kind for one in letters if one is not letter]
    assert others == ["association"] * (name == "hubspot")  # with the company, as there is no person
    assert (letter.connection, letter.lead_id) == (name, house.story(BAD["email"]).lead.id)
    assert WORDS[name] in letter.error
    assert WORDS[name] in house.command("explain", BAD["email"])
    ends = house.website()
    assert (ends.delivered, ends.dead, ends.in_flight) == (99, 1, 0)

    house.edit(f"crm/{name}.yaml", wrong, right)
    eventually(lambda: name_of_mql(house, name) in right, "the corrected playbook")
    # The person and their association; and the task about them, if it has been given up by now.
    assert house.command_json("replay", "--changes", "--yes")["replayed"] in (
        1 + len(others),
        2 + len(others),
    )
    eventually(lambda: not house.dead_letters(), "the letters on their way again")
    house.settle()
    assert not house.dead_letters()
    assert crm.person(BAD["email"])["owner"] == house.story(BAD["email"]).lead.owner
    ends = house.website()
    assert (ends.received, ends.delivered, ends.dead) == (100, 100, 0)


def name_of_mql(house, name):
    """What the playbook in force calls the stage mql in a CRM."""
    crm = house.daemon.holder.playbook().crms[name]
    [stage] = [rule for rule in crm.objects[crm.create_object].fields if rule.kind == "stage" and rule.values]
    return stage.values["mql"]
