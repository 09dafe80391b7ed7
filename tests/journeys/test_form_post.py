"""A form is posted; the person appears in both CRMs, and the lead's story says why."""

from __future__ import annotations

import re

ADA = {
    "email": "ada@analytical.example",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "company": "Analytical Engines",
    "job_title": "Head of Research",
    "phone": "+44 20 7946 0018",
    "country": "United Kingdom",
    "form_type": "demo",
    "page_url": "https://www.northlight.example/demo?utm_source=google&utm_medium=cpc&utm_campaign=brand-eu",
}
LATER = ADA | {
    "form_type": "newsletter",
    "page_url": "https://www.northlight.example/?utm_source=linkedin&utm_medium=paid_social&utm_campaign=q4",
}
EMEA = ("anna.keller", "chloe.martin", "elena.rossi", "farid.haddad")
STAGES = {"hubspot": "marketingqualifiedlead", "salesforce": "mql"}


def test_a_form_post_arrives_in_both_crms_with_all_that_was_decided(house):
    house.deliver(**ADA)
    story = house.story(ADA["email"])
    for name, person in house.everywhere(ADA["email"]).items():
        assert person["id"] == story.lead.id
        assert person["owner"] == story.lead.owner
        assert person["owner"].partition("@")[0] in EMEA
        assert person["stage"] == STAGES[name]
        assert float(person["score"]) == story.lead.score == 40  # a demo, and she decides on purchases
        assert (person["first_name"], person["last_name"]) == ("Ada", "Lovelace")
        assert (person["first_source"], person["first_campaign"]) == ("google", "brand-eu")
        assert (person["last_source"], person["last_campaign"]) == ("google", "brand-eu")
        assert person["first_at"] == person["last_at"]
    assert house.website().delivered == house.website().received == 1


def test_the_first_touch_stays_and_the_last_touch_moves_on(house):
    house.deliver(**ADA)
    house.deliver(**LATER)
    for person in house.everywhere(ADA["email"]).values():
        assert (person["first_source"], person["first_campaign"]) == ("google", "brand-eu")
        assert (person["last_source"], person["last_campaign"]) == ("linkedin", "q4")


def test_explain_names_the_rule_with_file_and_line_for_everything_decided(house):
    house.deliver(**ADA)
    reasons = [reason for chapter in house.story(ADA["email"]).chapters for reason in chapter.reasons]
    by_handler = {}
    for reason in reasons:
        by_handler.setdefault(reason["handler"], []).append(reason)
    for handler, file in (("score", "scoring"), ("qualify", "lifecycle"), ("assign", "routing")):
        places = [reason["at"] for reason in by_handler[handler] if reason["at"]]
        assert any(re.match(rf"{file}\.yaml:\d+", place) for place in places), by_handler[handler]
    lines = (house.playbook / "scoring.yaml").read_text(encoding="utf-8").splitlines()
    [demo] = [reason for reason in by_handler["score"] if "Demo requested" in reason["text"]]
    assert "Demo requested" in lines[int(demo["at"].split(":")[1]) - 1]
    assert any("created in hubspot" in reason["text"] for reason in reasons)


def test_the_explain_command_tells_the_same(house):
    house.deliver(**ADA)
    told = house.command("explain", ADA["email"].upper())
    assert "Ada Lovelace" in told
    assert re.search(r"scoring\.yaml:\d+", told)
    assert re.search(r"hubspot contacts \d+: written", told)
    assert re.search(r"salesforce Lead 00Q\w{15}: written", told)
    assert house.command_json("explain", ADA["email"])["fields"]["stage"] == "mql"
