"""`status`, `explain` and `replay` beside a daemon that has written leads to both sandbox CRMs."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import stat
from pathlib import Path

import pytest

from leadrelay import control
from leadrelay.cli import common
from sync.database import exclusive, open_store, sqlite_module
from sync.tables import inbox_events
from tests.leadrelay.conftest import House, event_in
from tests.sync.stores import count
from tests.waiting import eventually


@pytest.fixture(scope="module", autouse=True)
def _crowd(house: House) -> None:
    """A demo request, a repeat of it, a broken one, a phone alone, spam; all as forms send them."""
    ada = {"email": "ada@analytical.example", "first_name": "Ada", "last_name": "Lovelace", "country": "GB"}
    house.post(**ada, form_type="demo")
    house.post(**ada, form_type="demo")
    house.post(**ada, form_type="pricing")
    house.post(email="nobody at home", last_name="Broken", form_type="demo")
    house.post(phone="+44 20 7946 0000", last_name="Phone")
    house.post(email="robot@robots.example", fax_number="1")
    house.settle()


def test_status_counts_where_everything_ended(beside):
    answer = beside("status")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert re.fullmatch(r"The daemon is running, playbook 1 \([0-9a-f]{12}\)\.", lines[0])
    assert re.fullmatch(r"  hubspot is written to; \d+ calls so far", lines[1])
    assert re.fullmatch(r"  salesforce is written to; \d+ calls so far", lines[2])
    assert _rows(lines, "Events by source") == [["website", "5", "1", "1", "1", "1", "1", "0", "0", "1"]]
    mirrored = [("hubspot", name) for name in ("companies", "contacts", "deals")]
    mirrored += [("salesforce", name) for name in ("Account", "Contact", "Lead", "Opportunity")]
    rows = _rows(lines, "Mirror: ")
    assert [row[:4] for row in rows] == [[*one, "0", "0"] for one in mirrored]
    assert all(row[4:6] == ["whole", "since"] for row in rows)
    followed = {*mirrored, ("salesforce", "OpportunityContactRole")}
    done = {("hubspot", name) for name in ("calls", "emails", "meetings", "notes", "tasks")}
    done |= {("salesforce", name) for name in ("CampaignMember", "Event", "Task")}  # once they are looked at
    told = [(row[0], row[1]) for row in _rows(lines, "Changes: ")]
    assert followed <= set(told) <= followed | done
    assert len(told) == len(set(told))
    assert _rows(lines, "Records to write") == [
        # HubSpot: the person, the company and their association; a Salesforce Lead has no account.
        ["hubspot", "0", "0", "0", "0", "3"],
        ["salesforce", "0", "0", "0", "0", "2"],
    ]
    assert _rows(lines, "Tasks and messages") == [  # waiting, sent, unknown, withheld, dead
        ["hubspot", "0", "1", "0", "0", "0"],
        ["salesforce", "0", "1", "0", "0", "0"],
        ["slack", "0", "0", "0", "1", "0"],  # not set up here
    ]
    assert "1 lead: 1 mql" in lines


def _rows(lines: list[str], title: str) -> list[list[str]]:
    """Return the words of a table's lines: below its title and the line under its columns."""
    [at] = [number for number, line in enumerate(lines) if line.startswith(title)]
    ruled = next(number for number in range(at, len(lines)) if lines[number].startswith("─"))
    return [line.split() for line in itertools.takewhile(str.strip, lines[ruled + 1 :])]


def test_status_names_what_a_person_should_look_at(beside, house):
    text = beside("status").out
    for state in ("quarantined", "review", "spam"):
        assert re.search(rf"^ *{event_in(house, state)} +website +{state} ", text, re.MULTILINE)


def test_status_fits_eighty_columns_and_cuts_nothing(beside, monkeypatch):
    monkeypatch.setattr(common.console, "_width", 80)
    text = beside("status").out
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "nothing would ever" in text


def test_status_for_a_program(beside):
    found = json.loads(beside("status", "--json").out)
    assert found["sources"]["website"] == {
        "received": 5,
        "delivered": 1,
        "merged": 1,
        "review": 1,
        "quarantined": 1,
        "spam": 1,
        "dead": 0,
        "in_flight": 0,
        "duplicates": 1,
    }
    assert found["daemon"]["deciding"] is True
    assert found["daemon"]["connections"]["hubspot"]["mode"] == "write"
    assert {row["state"] for row in found["set_aside"]} == {"quarantined", "review", "spam"}


@pytest.mark.parametrize("who", ["ada@analytical.example", "ADA@Analytical.Example ", "its id"])
def test_explain_tells_what_came_in_what_was_decided_and_what_was_written(beside, house, who):
    lead = house.story("ada@analytical.example").lead
    text = beside("explain", lead.id if who == "its id" else who).out
    assert text.startswith(f"Ada Lovelace <ada@analytical.example>  {lead.id}\n")
    assert f"stage mql, score {lead.score}, band {lead.fields['band']}, owner {lead.owner}\n" in text
    assert "  identify   new person: e-mail not known\n" in text
    assert re.search(
        r"  qualify    suspect → mql: Asked for a demo .*\[lifecycle\.yaml:\d+:\d+\]\n", text
    )  # fmt: skip
    assert re.search(r"\naccount: analytical\.example, analytical\.example  ac_\w+\n", text)
    assert re.search(
        r"\nhubspot contacts associated with company \d+: written\nhubspot companies \d+: written\n"
        r"salesforce Account 001\w+: written\n",
        text,
    )
    assert re.search(r"\nhubspot contacts \d+: written\nsalesforce Lead 00Q\w+: written\n", text)
    for crm in ("hubspot", "salesforce"):
        assert re.search(rf"\ntask “Call who asked for us” in {crm}: sent \w+ 20\d\d-", text)
    assert "message “New lead for a person” in slack: withheld" in text


def test_explain_for_a_program(beside):
    found = json.loads(beside("explain", "ada@analytical.example", "--json").out)
    assert found["fields"]["country"] == "GB"
    assert [event["kind"] for event in found["events"]].count("intake") == 2
    assert {write["connection"]: write["state"] for write in found["writes"]} == {
        "hubspot": "written",
        "salesforce": "written",
    }


def test_explain_an_event_that_became_a_lead_tells_the_lead(beside, house):
    event = house.story("ada@analytical.example").chapters[0].event
    assert beside("explain", f"event:{event}").out.startswith("Ada Lovelace")


def test_explain_a_quarantined_event_shows_the_post_and_what_to_do(beside, house):
    number = event_in(house, "quarantined")
    text = beside("explain", f"event:{number}").out
    assert text.startswith(f"event {number} from website: quarantined\n")
    assert "is not an e-mail address" in text
    assert "\nposted\n  email: nobody at home\n  last_name: Broken\n" in text
    assert text.endswith(f"leadrelay replay {number} --set email=ada@example.com\n")
    as_json = json.loads(beside("explain", f"event:{number}", "--json").out)
    assert as_json["payload"]["body"]["last_name"] == "Broken"


def test_a_look_at_a_cause_shows_what_it_is_of_and_what_to_do_and_sends_nothing(beside, house):
    before = count(house.store, inbox_events)
    answer = beside("replay", "--error", "BAD_VALUE", "--source", "website", "--newer", "24h")
    assert answer.code == 0
    assert re.search(
        rf"^ *{event_in(house, 'quarantined')} +website +BAD_VALUE email ", answer.out, re.MULTILINE
    )
    assert "- What was sent as email is none: open it, correct the field" in answer.out
    assert answer.out.endswith("1 letter would be sent again. Nothing was sent; add --yes.\n")
    told = json.loads(beside("replay", "--error", "BAD_VALUE", "--json").out)
    assert told["would_replay"] == {
        "quarantined": 1, "review": 0, "spam": 0, "dead": 0, "change": 0, "effect": 0,
    }  # fmt: skip
    [letter] = told["oldest"]["quarantined"]
    assert (letter["code"], letter["field"]) == ("BAD_VALUE", "email")
    assert beside("replay", "--error", "BAD_VALUE", "--older", "1h").out == "Nothing to send again.\n"
    assert count(house.store, inbox_events) == before


def test_status_counts_by_cause_and_says_what_to_do(beside):
    text = beside("status").out
    assert re.search(r"^ *1 +quarantined +website +BAD_VALUE email +20", text, re.MULTILINE)
    assert re.search(
        r"^BAD_VALUE +What was sent as email is none: open it, correct the field", text, re.MULTILINE
    )
    assert {one["cause"] for one in json.loads(beside("status", "--json").out)["causes"]} == {
        "BAD_VALUE email", "PHONE_ALONE", "HONEYPOT",
    }  # fmt: skip


def test_a_settled_event_is_not_replayed(beside, house):
    number = house.story("ada@analytical.example").chapters[0].event
    answer = beside("replay", str(number))
    assert answer.code == 1
    assert answer.err == (
        f"Event {number} is not set aside: it ended as new.\nNothing was replayed.\n"
    )  # fmt: skip


def test_one_persons_address_is_not_given_to_many(beside):
    answer = beside("replay", "--state", "quarantined", "--state", "spam", "--set", "email=a@b.example")
    assert answer.code == 2
    assert answer.err == "--lead, --set email and --set phone are one person's: name one event.\n"


def test_a_verdict_names_a_lead_that_is_there(beside, house):
    answer = beside("replay", str(event_in(house, "review")), "--lead", "ld_nobody")
    assert answer.code == 1
    assert answer.err == "No lead is known by ld_nobody. Nothing was replayed.\n"


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("emial", 'Did you mean "email"?'),
        ("score", ""),  # leadrelay decides it
        ("lead", "Known: email, phone, "),  # a verdict has an option of its own
        ("nofield", "Known: email, phone, "),
    ],
)
def test_a_field_that_nobody_can_set_is_refused_before_anything_is_sent(beside, house, name, fix):
    before = count(house.store, inbox_events)
    number = str(event_in(house, "quarantined"))
    answer = beside("replay", number, "--set", f"{name}=1", "--set", "email=a@b.example")
    assert answer.code == 2
    assert answer.err.startswith(f'--set {name}: there is no field "{name}" to set. {fix}')
    assert answer.err.endswith("\nNothing was replayed.\n")
    assert count(house.store, inbox_events) == before


def test_without_its_folder_a_replay_goes_by_the_version_in_force(beside, house, tmp_path):
    answer = beside("replay", "1", "--set", "email=a@b.example", LEADRELAY_PLAYBOOK=str(tmp_path / "none"))
    assert answer.code == 1
    assert "which is in force; there is no folder" in answer.err
    assert "Event 1 is not set aside" in answer.err


def test_the_control_file_is_the_daemons_own(house):
    path = Path(f"{house.daemon.store.path}.control")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(json.loads(path.read_text())) == {"url", "token", "pid"}
    assert not path.with_name(f"{path.name}.new").exists()


def test_the_local_api_asks_for_the_token(house):
    import requests

    url = control.daemon_url(house.environ["LEADRELAY_DATABASE_URL"])
    assert requests.get(f"{url}/control/facts", timeout=60).status_code == 401
    answer = requests.post(f"{url}/control/events", json=[], timeout=60)
    assert answer.json()["code"] == "token"


def test_a_command_finds_a_store_whose_daemon_was_killed(beside, house, tmp_path):
    file = tmp_path / "copy.db"
    control_file = tmp_path / "copy.db.control"
    control_file.write_text(json.dumps({"url": "http://127.0.0.1:1", "token": "old", "pid": 1}))
    sqlite_module().connect(house.store.path).execute("VACUUM INTO ?", (str(file),)).connection.close()
    url = f"sqlite:///{file}"
    assert beside("status", LEADRELAY_DATABASE_URL=url).out.startswith("The daemon is not running")
    looked = beside("replay", "--state", "spam", "--release", LEADRELAY_DATABASE_URL=url)
    assert "1 letter would be sent again. Nothing was sent; add --yes." in looked.out
    answer = beside("replay", "--state", "spam", "--release", "--yes", LEADRELAY_DATABASE_URL=url)
    assert answer.out.startswith("1 sent on the way again. They go as soon as the daemon runs;")
    assert "asked for by" in beside("status", LEADRELAY_DATABASE_URL=url).out


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_half_a_control_file_is_no_daemon(tmp_path, content):
    (tmp_path / "x.db.control").write_text(content)
    assert control.daemon_facts(f"sqlite:///{tmp_path / 'x.db'}") is None


def test_the_daemon_takes_its_control_file_away(tmp_path):
    file = control.ControlFile(tmp_path / "x.db.control")
    file.write("http://127.0.0.1:8000")
    eventually(lambda: control.daemon_url(f"sqlite:///{tmp_path / 'x.db'}") == "http://127.0.0.1:8000")
    file.remove()
    assert control.daemon_url(f"sqlite:///{tmp_path / 'x.db'}") is None


@pytest.mark.parametrize("in_use", [False, True])
def test_a_store_of_an_older_version_is_brought_up_to_date_unless_its_daemon_runs(
    leadrelay, tmp_path, in_use
):
    file = tmp_path / "old.db"
    file.touch()  # a store of no revision yet
    url = f"sqlite:///{file}"
    with contextlib.ExitStack() as exits:
        if in_use:
            store = exits.enter_context(contextlib.closing(open_store(url)))
            exits.enter_context(exclusive(store))
        answer = leadrelay("status", LEADRELAY_DATABASE_URL=url)
    assert answer.code == int(in_use), answer.err
    if in_use:
        assert answer.err == (
            f"{file} is in use by a running leadrelay: start `leadrelay serve` of this version, "
            "which brings the store up to date.\n"
        )
