"""`leadrelay user` and `token`: on an empty store, and by the running daemon; and the daemon's own pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from leadrelay.cli import app
from tests.waiting import eventually

PASSWORD = "correct horse battery"


def with_password(words: list[str], environ: dict[str, str], password: str = PASSWORD):
    return CliRunner().invoke(app, words, env=environ, input=f"{password}\n", catch_exceptions=False)


def test_people_are_added_listed_and_removed(leadrelay, empty_store):
    environ = {"LEADRELAY_DATABASE_URL": empty_store}
    assert "Nobody can sign in" in leadrelay("user", "list", **environ).out
    assert with_password(["user", "add", "ada"], environ).exit_code == 0
    assert leadrelay("user", "list", **environ).out == "ada  operator\n"
    assert leadrelay("user", "role", "ada", "boss", **environ).code == 2
    assert "ada is viewer now: looks" in leadrelay("user", "role", "ada", "viewer", **environ).out
    assert json.loads(leadrelay("user", "list", "--json", **environ).out) == [
        {"name": "ada", "role": "viewer"}
    ]
    again = with_password(["user", "add", "ada"], environ)
    assert again.exit_code == 1
    assert "is a user already" in again.stderr
    assert "signed out everywhere" in with_password(["user", "password", "ada"], environ).stdout
    assert leadrelay("user", "remove", "ada", **environ).code == 0
    assert leadrelay("user", "remove", "ada", **environ).err == "There is no user ada.\n"


def test_who_was_let_in_is_told_with_who_did_it(leadrelay, empty_store):
    environ = {"LEADRELAY_DATABASE_URL": empty_store}
    assert "Nothing is on record." in leadrelay("user", "history", **environ).out
    leadrelay("token", "add", "report", **environ)
    assert (
        "report is a program that may read, and sees personal data masked"
        in leadrelay("user", "history", **environ).out
    )
    [told] = json.loads(leadrelay("user", "history", "--json", **environ).out)
    assert (told["act"], told["sight"], bool(told["by"])) == ("add_token", "masked", True)


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_a_password_has_a_length(empty_store, password):
    answer = with_password(["user", "add", "ada"], {"LEADRELAY_DATABASE_URL": empty_store}, password)
    assert answer.exit_code == 2
    assert "12 to 256 characters" in answer.stderr


def test_tokens_are_shown_once_and_removed(leadrelay, empty_store):
    environ = {"LEADRELAY_DATABASE_URL": empty_store}
    assert "No program may read" in leadrelay("token", "list", **environ).out
    made = leadrelay("token", "add", "report", **environ)
    assert re.fullmatch(r"lr_[\w-]{43}\n", made.out)
    assert leadrelay("token", "list", **environ).out == "report  masked\n"
    assert leadrelay("token", "add", "books", "--personal", **environ).code == 0
    assert "books  plain\n" in leadrelay("token", "list", **environ).out
    leadrelay("token", "remove", "books", **environ)
    assert leadrelay("token", "add", "report", **environ).code == 1
    assert leadrelay("token", "remove", "report", **environ).code == 0
    assert leadrelay("token", "remove", "report", **environ).err == "There is no token report.\n"


def test_the_running_daemon_takes_a_token_in_and_tells_the_commands_numbers(house, beside):
    house.post(email="grace@example.com", form_type="demo")
    url = f"http://127.0.0.1:{house.daemon.port}/api/v1/status"
    token = beside("token", "add", "report").out.strip()
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.status_code == 200
    assert answer.json()["sources"]["website"]["received"] >= 1
    budget = answer.json()["daemon"]["connections"]["hubspot"]["budget"]
    assert budget["burst_calls"] > 0
    assert beside("token", "add", "report").err.startswith("There is a token report already")
    assert beside("token", "remove", "report").code == 0
    assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code == 401


def test_the_running_daemon_takes_a_person_in(house, beside):
    assert with_password(["user", "add", "ada"], dict(house.environ)).exit_code == 0
    assert beside("user", "list").out == "ada  operator\n"
    assert beside("user", "remove", "ada").code == 0
    assert "Nobody can sign in" in beside("user", "list").out


@pytest.mark.parametrize(
    "path", ["/", "/leads", "/sources", "/aside/spam", "/aside/letters", "/connections", "/playbook"]
)
def test_the_running_daemon_serves_its_pages(house, path):
    answer = requests.get(f"http://127.0.0.1:{house.daemon.port}{path}", timeout=60)
    assert answer.status_code == 200
    assert "Set-Cookie" in answer.headers


def test_a_leads_page_links_to_its_records(house):
    house.post(email="linus@example.com", form_type="demo", last_name="Link")
    base = f"http://127.0.0.1:{house.daemon.port}"

    def records() -> list[str]:
        found = re.search(r'href="(/leads/ld_\w+)"', requests.get(f"{base}/leads?q=linus", timeout=60).text)
        page = requests.get(base + found[1], timeout=60).text if found else ""
        return re.findall(r'href="(http://127[^"]+/browse/[^"]+)"', page)

    urls = eventually(lambda: found if len(found := records()) == 4 else [], "person and company in both")
    assert {url.split("/")[4] for url in urls} == {"contacts", "companies", "Lead", "Account"}
    for url in urls:
        assert requests.get(url, timeout=60).status_code == 200


def test_the_local_api_does_nothing_but_what_commands_ask(house):
    control = json.loads(Path(f"{house.daemon.store.path}.control").read_text(encoding="utf-8"))
    headers = {"Authorization": f"Bearer {control['token']}"}
    for body in ([], {"act": "drop"}, {"act": "add_user"}, {"act": 1}, "x"):
        answer = requests.post(f"{control['url']}/control/access", json=body, headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert requests.post(f"{control['url']}/control/access", json={}, timeout=60).status_code == 401
