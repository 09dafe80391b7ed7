"""`leadrelay map show` and `map test`: each field's way, and what becomes of one post, without a store."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from leadrelay.cli import app
from tests.leadrelay.test_playbook_commands import mistake

GOOD = {
    "work_email": "Ada@Analytical.example",
    "first_name": "ADA",
    "last_name": "LOVELACE",
    "company": "Analytical",
    "country": "Germany",
    "phone": "030 901820",
    "employees": "51-200",
    "form_type": "demo",
    "form_name": "Book a demo",
    "page_url": "https://www.northlight.example/demo?utm_source=google&utm_medium=cpc",
}


def written(tmp_path, body):
    file = tmp_path / "post.json"
    file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return str(file)


@pytest.fixture
def tried(leadrelay, playbook, tmp_path):
    """Run ``map test`` on a post; return the exit code and what it tells a program."""

    def run(body, source="website"):
        answer = leadrelay(
            "map", "test", source, written(tmp_path, body), "--json", LEADRELAY_PLAYBOOK=str(playbook)
        )
        return answer.code, json.loads(answer.out)

    return run


def payload(told, connection):
    [found] = [one for one in told["payloads"] if one["connection"] == connection]
    return found


def test_a_post_that_fits_shows_lead_touch_activity_and_what_each_crm_would_be_sent(tried):
    code, told = tried(GOOD)
    assert (code, told["fits"], told["refused"]) == (0, True, [])
    assert told["lead"]["phone"] == "+4930901820"
    assert told["touch"]["channel"] == "paid_search"
    assert told["activities"] == [{"kind": "demo_request", "detail": "Book a demo"}]
    hubspot, salesforce = payload(told, "hubspot"), payload(told, "salesforce")
    assert (hubspot["object"], salesforce["object"]) == ("contacts", "Lead")
    assert hubspot["values"]["numemployees"] == "50-100"
    assert hubspot["values"]["lifecyclestage"] == "subscriber"
    assert salesforce["values"]["NumberOfEmployees"] == 51
    assert salesforce["values"]["First_Touch_Source__c"] == "google"
    assert [one["violations"] for one in told["payloads"]] == [[], []]


def test_what_is_cut_not_listed_or_missing_is_told_with_its_line(tried, playbook):
    mistake(
        playbook,
        "crm/hubspot.yaml",
        "industry:        {field: industry, authority: newest}",
        "industry:        {field: industry, authority: newest, values: {Software: COMPUTER_SOFTWARE}}",
    )
    mistake(playbook, "crm/salesforce.yaml", ', default: "[unknown]"}\n      Phone', "}\n      Phone")
    strange = GOOD | {"first_name": "A" * 41, "industry": "Basket weaving", "company": "", "phone": "12"}
    code, told = tried(strange)
    assert (code, told["fits"]) == (1, False)
    assert [(one["field"], one["fatal"]) for one in told["refused"]] == [("phone", False)]
    hubspot, salesforce = payload(told, "hubspot"), payload(told, "salesforce")
    [unlisted] = hubspot["violations"]
    assert unlisted["field"] == "contacts.industry"
    assert unlisted["problem"] == '"Basket weaving" is not listed in values; it is not written'
    assert unlisted["rule"].startswith("crm/hubspot.yaml:")
    assert "industry" not in hubspot["values"]
    problems = {one["field"]: one["problem"] for one in salesforce["violations"]}
    assert problems == {
        "Lead.FirstName": "has 41 characters and is cut to 40",
        "Lead.Company": "needed on a new record, and blank",
    }
    assert len(salesforce["values"]["FirstName"]) == 40


def test_a_bracket_below_the_first_is_told(tried):
    code, told = tried(GOOD | {"employees": "0"})
    [below] = payload(told, "hubspot")["violations"]
    assert (code, below["field"]) == (1, "contacts.numemployees")
    assert below["problem"] == '"0" is below the first of its brackets; it is not written'


def test_a_line_with_a_condition_is_sent_only_to_those_who_satisfy_it(tried, leadrelay, playbook):
    mistake(
        playbook,
        "crm/hubspot.yaml",
        "message:         {field: message, authority: leadrelay, max_length: 5000}",
        "message: {field: message, authority: leadrelay, max_length: 5, "
        "direction: to_crm, when: {country: FR}}",
    )
    code, told = tried(GOOD | {"message": "Bonjour"})
    assert code == 0
    assert "message" not in payload(told, "hubspot")["values"]
    code, told = tried(GOOD | {"message": "Bonjour", "country": "France", "phone": ""})
    assert (code, payload(told, "hubspot")["values"]["message"]) == (1, "Bonjo")
    shown = json.loads(leadrelay("map", "show", "website", "--json", "--playbook", str(playbook)).out)
    [message] = [one for one in shown[0]["fields"] if one["field"] == "message"]
    assert [one["when"] for one in message["crms"]] == ["country is FR", None]


def test_without_an_email_nobody_is_made_in_hubspot(tried):
    code, told = tried({"phone": "+1 415 555 2671", "last_name": "Hopper"})
    assert code == 1
    assert told["refused"] == []
    assert [one["field"] for one in payload(told, "hubspot")["violations"]] == ["contacts.email"]
    assert payload(told, "salesforce")["violations"] == []


def test_a_robot_does_not_fit(tried):
    code, told = tried(GOOD | {"fax_number": "1"})
    assert (code, told["honeypot"]) == (1, ["fax_number"])


def test_a_person_reads_the_same_in_words(leadrelay, playbook, tmp_path):
    body = "work_email=ada@analytical.example&form_type=demo&last_name=&state=%5BBerlin%5D\n"
    answer = leadrelay("map", "test", "website", written(tmp_path, body), "--playbook", str(playbook))
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in (
        "email ada@analytical.example",
        "state [Berlin]",  # what stands in brackets is shown as it is
        "LastName [unknown]",
        "Counts as demo_request.",
        "hubspot: a new contacts",
        "fits",
    ):
        assert line in lines


def test_a_post_comes_by_standard_input_too(playbook):
    words = ["map", "test", "website", "-", "--playbook", str(playbook), "--json"]
    answer = CliRunner().invoke(app, words, input='\ufeff{"email": "ada@analytical.example"}')
    assert json.loads(answer.stdout)["lead"]["email"] == "ada@analytical.example"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"email": ', "400 malformed_json"),
        ("[1]", "422 not_an_object"),
        (json.dumps({"a": "x" * 300_000}), "413 too_large"),
    ],
)
def test_what_intake_would_refuse_is_refused_in_its_words(leadrelay, playbook, tmp_path, body, words):
    answer = leadrelay("map", "test", "website", written(tmp_path, body), "--playbook", str(playbook))
    assert (answer.code, answer.out) == (1, "")
    assert words in answer.err


def test_nothing_is_opened_or_written(leadrelay, playbook, tmp_path):
    store = tmp_path / "leadrelay.db"
    answer = leadrelay(
        "map", "test", "website", written(tmp_path, GOOD), LEADRELAY_PLAYBOOK=str(playbook),
        LEADRELAY_DATABASE_URL=f"sqlite:///{store}",
    )  # fmt: skip
    assert answer.code == 0
    assert not store.exists()


@pytest.mark.parametrize(
    "words", [("show", "webiste"), ("test", "webiste", "x.json"), ("test", "website", "none.json")]
)
def test_a_source_or_file_that_is_not_there_is_wrong_usage(leadrelay, playbook, words):
    answer = leadrelay("map", *words, "--playbook", str(playbook))
    assert (answer.code, answer.out) == (2, "")
    assert "webiste" in answer.err or "none.json cannot be read" in answer.err


def test_a_playbook_with_a_problem_shows_no_way(leadrelay, playbook):
    mistake(playbook, "sources/website.yaml", "  title: [", "  titel: [")
    answer = leadrelay("map", "show", "--playbook", str(playbook))
    assert (answer.code, answer.out) == (1, "")
    assert 'there is no lead field "titel"' in answer.err


def test_show_tells_the_way_of_each_field(leadrelay, playbook):
    mistake(
        playbook,
        "sources/website.yaml",
        "  title: [job_title, jobtitle, title]",
        "  title: {join: [level, role], when: {form_type: demo}, values: {a: b}, default: none}",
    )
    answer = leadrelay("map", "show", "website", "--json", LEADRELAY_PLAYBOOK=str(playbook))
    [told] = json.loads(answer.out)
    ways = {one["field"]: one for one in told["fields"]}
    assert ways["title"]["sender"] == 'level + role, else "none" (when form_type is demo)'
    assert ways["email"]["convert"] == [{"name": "email"}]
    assert ways["employees"]["type"] == "whole number"
    stops = [
        (one["connection"], one["object"], one["field"], one["kind"]) for one in ways["employees"]["crms"]
    ]
    assert stops == [
        ("hubspot", "contacts", "numemployees", "range"),
        ("salesforce", "Lead", "NumberOfEmployees", "number"),
    ]
    assert ways["opted_out"]["crms"][0]["direction"] == "from_crm"
    assert told["nowhere"] == ["language", "consent_email", "buying_timeframe"]
    assert told["gaps"] == []


def test_show_names_what_a_crm_demands_and_the_source_never_brings(leadrelay, playbook):
    mistake(playbook, "crm/salesforce.yaml", ', default: "[unknown]"}\n      Phone', "}\n      Phone")
    mistake(playbook, "sources/events.yaml", "  company: attendee_company\n", "")
    answer = leadrelay("map", "show", "events", "--json", LEADRELAY_PLAYBOOK=str(playbook))
    [[gap]] = [told["gaps"] for told in json.loads(answer.out)]
    assert (gap["object"], gap["field"]) == ("Lead", "Company")
    assert gap["why"] == "the source does not bring company, and the line has no default"
    shown = leadrelay("map", "show", LEADRELAY_PLAYBOOK=str(playbook)).out
    assert "salesforce Lead.Company gets nothing" in shown
    assert [line for line in shown.splitlines() if line.startswith("No CRM is sent: language")]
    for source in ("website", "partner", "events", "automation"):
        assert f"{source} [sources/{source}.yaml]" in shown


def test_lines_that_find_nothing_and_fields_that_nobody_reads_are_told(tried):
    code, told = tried(GOOD | {"jobb_title": "CTO", "extra": {"plan": "gold"}})
    assert code == 0  # a form need not have every field
    [title] = [one for one in told["found_nothing"] if one["for"] == "title"]
    assert (title["paths"], title["near"]) == (["job_title", "jobtitle", "title"], "jobb_title")
    assert "email" not in [one["for"] for one in told["found_nothing"]]
    assert told["unread"] == ["jobb_title", "extra.plan"]


def test_the_same_is_printed(leadrelay, playbook, tmp_path):
    post = written(tmp_path, GOOD | {"jobb_title": "CTO"})
    answer = leadrelay("map", "test", "website", post, LEADRELAY_PLAYBOOK=str(playbook))
    assert "Found nothing" in answer.out
    assert "No line of sources/website.yaml reads: jobb_title." in answer.out


def test_a_field_that_a_lead_has_and_a_contact_has_not_is_told(leadrelay, playbook):
    shown = leadrelay("map", "show", "website", str(playbook))  # the folder as an argument
    told = "salesforce Contact has no line for message, as Lead has: who is a Contact there does not get it"
    assert told in shown.out
    assert "has no line for company" not in shown.out  # a Contact has that by its account
    [ways] = json.loads(leadrelay("map", "show", "website", "--playbook", str(playbook), "--json").out)
    assert [(one["object"], one["field"]) for one in ways["lacking"]] == [("Contact", "message")]


def test_check_and_test_take_the_folder_as_map_does(leadrelay, playbook):
    assert leadrelay("check", "--playbook", str(playbook)).code == 0
    assert leadrelay("check", "--playbook", str(playbook / "none")).code == 2
    assert "as expected" in leadrelay("test", "--playbook", str(playbook), "-k", "robot").out
