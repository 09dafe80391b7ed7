"""The pages over a house that is stepped by hand, and a browser that keeps its cookie and fills in forms."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from dashboard import api, pages
from dashboard.grants import Beginning, Standing
from dashboard.house import House as Daemon
from dashboard.openings import Opening
from handlers.registry import build
from mappings.problems import Problem
from model.errors import LeadRelayError
from sync import access
from sync.database import Store
from tests.sync.house import HUBSPOT, SALESFORCE, FailsOn, House, a_house, house_playbook
from tests.webhooks.house import Inbox, sources_of
from webhooks.server import create_app

TOKEN = "lr_a-token-of-the-tests"
HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)>'</pre></title>{{7*7}}"""


@cache
def hashed(password: str) -> str:
    """Return a hash that is cheap to check: the tests are not about scrypt."""
    return generate_password_hash(password, method="pbkdf2:sha256:1")


@dataclass
class FakeOpenings:
    """Remembers what was asked for; refuses where a test says so."""

    opening: Opening = field(default_factory=Opening)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    refusal: str = ""

    def look(self, name: str) -> Opening:
        return self.opening

    def plan(self, name: str) -> None:
        self._ask("plan", name)

    def go_live(self, name: str, agreed: str, at_most: int, by: str) -> None:
        self._ask("go_live", name, agreed, at_most, by)

    def observe(self, name: str, by: str) -> None:
        self._ask("observe", name, by)

    def _ask(self, *asked: Any) -> None:
        if self.refusal:
            raise LeadRelayError(self.refusal)
        self.asked.append(asked)


@dataclass
class FakeGrants:
    """Remembers who left and came back; refuses where a test says so."""

    standing: Standing = field(default_factory=lambda: Standing("HubSpot", may_begin=True))
    begun: list[Beginning] = field(default_factory=list)
    came: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    refusal: LeadRelayError | None = None

    def look(self, name: str) -> Standing:
        return self.standing

    def begin(self, one: Beginning) -> str:
        self._check()
        self.begun.append(one)
        return "https://app.hubspot.com/oauth/authorize?client_id=c&state=s"

    def finish(self, kind: str, session: str, answer: Mapping[str, str]) -> str:
        self.came.append((kind, session, answer))
        self._check()
        return "hubspot"

    def disconnect(self, name: str, by: str) -> str:
        self._check()
        self.gone.append((name, by))
        return f"{name} is disconnected."

    def _check(self) -> None:
        if self.refusal:
            raise self.refusal


@dataclass
class Desk:
    """What a test of the pages looks at and changes."""

    house: House
    daemon: Daemon
    client: FlaskClient
    facts: dict[str, Any]
    files: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    checks: dict[str, Any] = field(default_factory=dict)
    openings: FakeOpenings = field(default_factory=lambda: FakeOpenings())
    grants: FakeGrants = field(default_factory=lambda: FakeGrants())

    def get(self, path: str, **given: Any) -> TestResponse:
        """Load a page."""
        return self.client.get(path, **given)

    def send(self, path: str, at: str, **values: Any) -> TestResponse:
        """Load the page ``at``, take its form's key, and send a form."""
        key = re.search(r'name="csrf" value="(\w+)"', self.get(at).text)
        assert key is not None, f"{at} has no form"
        return self.client.post(path, data={"csrf": key[1], **values})

    def sign_in(self, name: str = "ada", password: str = "correct horse battery") -> TestResponse:
        """Fill in the sign-in."""
        return self.send("/sign-in", "/sign-in", name=name, password=password)

    def ask(self, path: str, token: str = TOKEN) -> TestResponse:
        """Ask the read API."""
        return self.client.get(path, headers={"Authorization": f"Bearer {token}"})


def a_desk(store: Store, *, is_open: bool, people: Mapping[str, str] | None = None) -> Desk:
    """Build pages, read API and receivers over a store."""
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    facts: dict[str, Any] = {
        "playbook": playbook.version,
        "playbook_problem": None,
        "deciding": True,
        "connections": {name: a_connection(name) for name in (HUBSPOT, SALESFORCE)},
        "unusable": {},
        "polls": {HUBSPOT: None, SALESFORCE: None},
        "polled_at": {HUBSPOT: "2026-03-02T11:59:00.000000Z", SALESFORCE: None},
    }
    files, problems, checks = [("scoring.yaml", "rules: []\n")], [], {"store": lambda: None}
    openings, grants = FakeOpenings(), FakeGrants()
    daemon = Daemon(
        store=store,
        clock=house.clock,
        playbook=lambda: house.playbook,
        facts=lambda: facts,
        writing=lambda _snapshot: list(house.playbook.crms),
        files=lambda: files,
        problems=lambda: problems,
        checks=checks,
        record_url=lambda connection, kind, number: f"http://127.0.0.1:8901/{connection}/{kind}/{number}",
        openings=openings,
        grants=grants,
        is_open=is_open,
        fresh_seconds=0,
        patience_seconds=60,
    )
    app = create_app(
        append=Inbox().append,
        playbook=sources_of,
        secret_of={}.get,
        clock=house.clock,
        checks={},
        registry=CollectorRegistry(),
        extra=[pages.blueprint(daemon), api.blueprint(daemon)],
    )
    for name, password in (people or {}).items():
        given = {"name": name, "password": hashed(password)}
        store.write(lambda on, given=given: access.act(on, "add_user", given, house.clock.now()))
    given = {"name": "report", "token_hash": access.hashed(TOKEN)}
    store.write(lambda on: access.act(on, "add_token", given, house.clock.now()))
    return Desk(house, daemon, app.test_client(), facts, files, problems, checks, openings, grants)


def a_connection(name: str) -> dict[str, Any]:
    """Return what the daemon says of a connection that is written to."""
    budget = {
        "calls": 12,
        "burst_calls": 100,
        "burst_seconds": 10.0,
        "daily_calls": None,
        "daily_used": None,
        "reserve": 0.2,
        "paused_seconds": 0.0,
        "ready_in_seconds": 0.0,
    }
    day = {"share": 800, "expected": 1200, "renews_at": None, "runs_out_at": "2026-03-02T15:00:00+00:00"}
    return {
        "mode": "write",
        "calls": 12,
        "address": f"https://{name}.example",
        "method": "token",
        "origin": "environment",
        "is_sandbox": False,
        "budget": budget,
        "day": day,
    }


def fill(desk: Desk) -> None:
    """Let posts of every fate come in, one of each, hostile ones among them."""
    house = desk.house
    house.crms[HUBSPOT].next("create", rejects="rejected@")
    house.post(
        email="ada@example.com", first_name="Ada", last_name="Lovelace", company="Engines", title="CEO"
    )
    house.post(email="eve@example.com", first_name=HOSTILE, last_name=HOSTILE, company=HOSTILE)
    house.post(email="rejected@example.com", last_name=HOSTILE)
    house.post(email="info@example.com", first_name=HOSTILE)
    house.post(email=HOSTILE, first_name=HOSTILE)
    house.post(email="s@example.com", website_url=HOSTILE)
    house.post(email="d@example.com", company="Bad", first_name=HOSTILE)
    house.settle()


def number_in(desk: Desk, state: str) -> int:
    """Return the number of the newest event of a list."""
    found = re.search(r"/events/(\d+)", desk.get(f"/aside/{state}").text)
    assert found is not None, f"nothing is in {state}"
    return int(found[1])


def letter_in(desk: Desk, shelf: str = "change") -> int:
    """Return the number of the newest dead letter of a sort."""
    found = re.search(rf"/aside/letters/{shelf}/(\d+)", desk.get("/aside/letters").text)
    assert found is not None, f"there is no dead {shelf}"
    return int(found[1])


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.depth_of_labels = 0
        self.bare: list[dict[str, str | None]] = []  # inputs that no label holds
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "label":
            self.depth_of_labels += 1
        is_field = tag in ("input", "select", "textarea") and given.get("type") != "hidden"
        if is_field and not self.depth_of_labels and "aria-label" not in given:
            self.bare.append(given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.depth_of_labels -= 1

    def of(self, *names: str) -> list[dict[str, str | None]]:
        """Return the attributes of all tags with these names."""
        return [given for tag, given in self.tags if tag in names]


def words(text: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
