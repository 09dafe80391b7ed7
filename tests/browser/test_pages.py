"""The pages in a real browser, over the real daemon and the sandbox CRMs."""

from __future__ import annotations

import requests
from typer.testing import CliRunner

from leadrelay.cli import app
from tests.journeys.crms import TOKENS
from tests.waiting import eventually

PASSWORD = "correct horse battery"
LAND = "land: {field: country, authority: newest}"  # a property that HubSpot does not have


def sign_in(person, name, password):
    person.fill(Name=name, Password=password)
    person.press("Sign in")


def test_the_first_person_is_added_signs_in_and_out_and_a_guesser_must_wait(house, stranger):
    stranger.visit(house, "/leads?stage=mql")
    assert stranger.heading == "Sign in"
    assert "leadrelay user add NAME" in stranger.text

    added = CliRunner().invoke(app, ["user", "add", "ada"], env=house.environ, input=f"{PASSWORD}\n")
    assert added.exit_code == 0, added.output
    sign_in(stranger, "ada", "a wrong password")
    assert "Name or password is wrong." in stranger.text
    sign_in(stranger, "ada", PASSWORD)
    assert stranger.heading == "Leads"
    assert stranger.page.url.endswith("/leads?stage=mql")
    cookies = stranger.page.context.cookies()
    assert [(one["httpOnly"], one["sameSite"]) for one in cookies] == [(True, "Lax")]

    stranger.press("Sign out")
    assert stranger.heading == "Sign in"
    stranger.page.go_back()
    stranger.page.reload()
    assert stranger.heading == "Sign in"

    for _ in range(5):
        sign_in(stranger, "eve", "a guess of a password")
    sign_in(stranger, "eve", "a guess of a password")
    assert "Too many failed tries. Try again in 15 min." in stranger.text


def test_a_post_shows_up_by_itself_and_its_lead_tells_why_and_where_it_is(house, person):
    person.visit(house)
    assert person.heading == "Overview"
    assert "The channel slack is not set up: its messages are withheld" in person.text
    person.page.evaluate("window.same = true")
    person.page.locator("summary", has_text="As a table").click()
    house.deliver(email="maya@brightwater.example", first_name="Maya", last_name="Okafor", form_type="demo")
    person.page.get_by_role("link", name="1", exact=True).first.wait_for()  # the number of leads
    assert person.page.evaluate("window.same"), "the page was loaded anew instead of refreshed"
    assert person.page.get_by_role("table", name="Posts by the hour").is_visible(), "it was folded away"

    person.go_to("Leads")
    person.page.get_by_role("searchbox").fill("oka")
    person.page.keyboard.press("Enter")
    person.go_to("Maya Okafor")
    assert person.heading == "Maya Okafor"
    story = house.story("maya@brightwater.example")
    for reason in story.chapters[0].reasons:
        assert str(reason["text"]) in person.text
    told = {(one.kind, one.target): one for one in story.effects}
    assert {("task", "hubspot"), ("task", "salesforce")} <= set(told)
    for one in told.values():
        assert f"{one.state} · {one.kind} in {one.target}: {one.rule}" in person.text
    everywhere = house.everywhere("maya@brightwater.example")
    for name, record in everywhere.items():
        link = person.page.get_by_role("link", name=record["record"], exact=True)
        assert link.get_attribute("href").startswith(house.crms[name].url)
    rule = person.page.locator("a.rule").first
    line = rule.inner_text().split(":")[1]
    person.follow(rule)
    assert person.heading == "Playbook"
    marked = person.page.locator(":target")
    assert marked.get_attribute("id") == f"line-{line}"
    person.page.go_back()
    person.go_to(everywhere["hubspot"]["record"])
    assert "maya@brightwater.example" in person.text


def test_all_of_a_cause_are_found_read_and_sent_again_from_the_page_once_it_is_mended(closed_house, person):
    house = closed_house
    hubspot = house.crms["hubspot"]
    for handler in ("account", "follow_up", "notify"):  # the people alone
        house.edit("pipeline.yaml", f"- {handler}", f"# {handler}")
    right, wrong = "mql: marketingqualifiedlead", "mql: hot"
    house.edit("crm/hubspot.yaml", right, wrong)
    house.edit("crm/hubspot.yaml", "country:         {field: country, authority: newest}", LAND)
    house.start().settle_in()
    for number in range(3):
        house.post(email=f"p{number}@company.example", last_name=f"P{number}", country="GB")
    house.post(email="bad@company.example", last_name="Bad", form_type="demo", country="")
    house.settle()
    assert len(house.dead_letters()) == 4

    person.visit(house)
    person.go_to("hubspot: 4 dead letters")
    causes = person.page.get_by_role("table", name="How many of each cause, and what to do")
    [missing, hot] = causes.locator("tbody tr").all_inner_texts()
    for part in ("PROPERTY_DOESNT_EXIST land", "hubspot contacts", "3", "Make land in HubSpot"):
        assert part in missing
    assert "INVALID_OPTION lifecyclestage" in hot
    person.go_to("PROPERTY_DOESNT_EXIST land")
    assert person.page.get_by_role("checkbox").count() == 3
    person.follow(person.page.locator("main th a").last)
    for part in (
        "p0@company.example",
        "not made yet",
        'Property "land" does not exist',
        "crm/hubspot.yaml:",
    ):
        assert part in person.text
    person.page.go_back()

    with_property(hubspot, "land")  # the cause is mended in the CRM
    person.page.locator("summary", has_text="Send all of them again").click()
    assert "3 are meant" in person.text
    person.press("Send all again")
    assert "They are being sent again" in person.text
    person.finds("3 of 3 sent again")
    person.finds("Nothing in this list fits")
    assert {one["email"] for one in hubspot.people()} == {f"p{n}@company.example" for n in range(3)}

    person.go_to("Show all of them")
    assert "hot was not one of the allowed options" in person.text
    version = house.daemon.holder.playbook().version
    house.edit("crm/hubspot.yaml", wrong, right)
    eventually(lambda: house.daemon.holder.playbook().version != version, "the corrected playbook")
    person.follow(person.page.get_by_role("button", name="Send change"))
    assert "Sent on the way again." in person.text
    person.finds("No dead letter")
    assert len(hubspot.people()) == 4
    person.go_to("Leads")
    person.go_to("Bad")
    assert "dead letter" not in person.text


def test_a_quarantined_post_is_corrected_and_becomes_a_lead(house, person):
    house.deliver(email="ada@", last_name="Lovelace", form_type="demo")
    person.visit(house, "/aside/quarantined")
    person.follow(person.page.locator("main a[href^='/events/']").first)
    person.page.get_by_label("Field 1").select_option("email")
    person.page.get_by_label("Value 1").fill("ada@example.com")
    person.press("Correct and send again")
    person.finds("A later event took its place.")
    house.settle()
    assert house.crms["salesforce"].person("ada@example.com")["last_name"] == "Lovelace"


def test_observe_plan_go_live(closed_house, stranger):
    house = closed_house.start(LEADRELAY_SANDBOX="false").settle_in()
    hubspot = house.crms["hubspot"]
    without_property(hubspot, "leadrelay_id")
    for number in range(3):
        house.post(email=f"p{number}@firm.example", last_name=f"P{number}", form_type="demo")
    eventually(lambda: house.status().leads == 3, "the decisions")
    added = CliRunner().invoke(app, ["user", "add", "ada"], env=house.environ, input=f"{PASSWORD}\n")
    assert added.exit_code == 0, added.output
    stranger.visit(house, "/connections")
    sign_in(stranger, "ada", PASSWORD)
    assert "Only observed: nothing is written." in stranger.text
    stranger.go_to("hubspot")
    stranger.press("Plan")
    stranger.reads("contacts.email")
    assert "leadrelay_id" in stranger.text
    assert hubspot.history() == []

    stranger.page.locator("summary", has_text="Go live").click()
    stranger.outlives_a_refresh("Write 4 records to hubspot")  # three people and their company
    assert "1 field is made there first." in stranger.text
    assert "4 that had gathered follow in pieces" in stranger.text
    assert stranger.page.get_by_label("Records to write at most").input_value() == "29"
    stranger.press("Write 4 records to hubspot")
    stranger.reads("done: 4 of 4 written, 29 at most")
    assert stranger.page.locator("h1 .tag").inner_text() == "written"
    assert "Made in the account: contacts.leadrelay_id" in stranger.text
    assert {one["email"] for one in hubspot.people()} == {f"p{n}@firm.example" for n in range(3)}
    assert house.crms["salesforce"].history() == [], "the other connection is observed as before"

    stranger.page.locator("summary", has_text="Only observe again").click()
    stranger.press("Write no more to hubspot")
    stranger.finds("observed")
    assert hubspot.history()


def without_property(hubspot, name):
    url = f"{hubspot.url}/crm/properties/2026-09/contacts/{name}"
    answer = requests.delete(url, headers={"Authorization": f"Bearer {TOKENS['hubspot']}"}, timeout=60)
    assert answer.status_code == 204


def test_a_conflict_is_resolved_in_the_hold_queue(closed_house, person):
    house = closed_house
    house.edit("crm/hubspot.yaml", "{field: company, authority: newest}", "{field: company, authority: hold}")
    house.edit("crm/hubspot.yaml", "every: 30s", "every: 1h")  # the write reads it first
    for handler in ("account", "follow_up", "notify"):  # the person alone
        house.edit("pipeline.yaml", f"- {handler}", f"# {handler}")
    house.start().settle_in()
    maya = {"email": "maya@brightwater.example", "last_name": "Okafor", "form_type": "demo"}
    house.deliver(**maya, company="Brightwater")
    hubspot = house.crms["hubspot"]
    record = hubspot.person(maya["email"])["record"]
    hubspot.act("edit", record=record, company="Brightwater Ltd")
    house.deliver(**maya, company="Brightwater Group")

    person.visit(house, "/conflicts")
    person.finds("Brightwater Group")
    assert "Brightwater Ltd" in person.text
    person.press("Take hubspot's")
    assert "Your choice is on its way." in person.text
    person.finds("Nothing waits")
    person.reads("chose hubspot's value")
    house.settle()
    names = {name: crm.person(maya["email"])["company"] for name, crm in house.crms.items()}
    assert names == {"hubspot": "Brightwater Ltd", "salesforce": "Brightwater Ltd"}
    person.go_to(maya["email"])
    assert "Brightwater Ltd" in person.text


def with_property(hubspot, name):
    definition = {
        "name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation",
    }  # fmt: skip
    url = f"{hubspot.url}/crm/properties/2026-09/contacts"
    headers = {"Authorization": f"Bearer {TOKENS['hubspot']}"}
    assert requests.post(url, json=definition, headers=headers, timeout=60).status_code == 201


def test_a_merge_is_proposed_and_carried(closed_house, person):
    house = closed_house
    for handler in ("account", "follow_up", "notify"):  # the people alone
        house.edit("pipeline.yaml", f"- {handler}", f"# {handler}")
    house.start().settle_in()
    maya, noah = "maya@brightwater.example", "noah@brightwater.example"
    house.deliver(email=maya, first_name="Maya", last_name="Okafor", form_type="demo")
    house.deliver(email=noah, first_name="Noah", last_name="Walsh", form_type="demo")
    hubspot, salesforce = house.crms["hubspot"], house.crms["salesforce"]
    both = {email: hubspot.person(email)["record"] for email in (maya, noah)}
    kept = salesforce.person(maya)["record"]
    hubspot.act("merge", record=both[maya], other=both[noah])
    house.clock.move_on(minutes=1)  # the next look

    person.visit(house, "/reviews")
    person.finds(f"Two records of {maya} in salesforce")
    person.finds("Walsh")  # what the records hold shows once they were read
    person.finds("Okafor")
    assert len(salesforce.people()) == 2
    person.press("Merge them")
    assert "Your word is on its way." in person.text
    eventually(lambda: len(salesforce.people()) == 1, "one record in Salesforce")
    assert salesforce.person(maya)["record"] == kept
    person.finds("done: they are Lead")
    assert "Nothing waits" in person.text
    house.settle()
    assert [row["state"] for row in house.command_json("reviews", "--json")["answered"]] == ["done"]
    assert house.dead_letters() == []
