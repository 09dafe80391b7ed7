"""What a HubSpot account tells of itself, by the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import requests
from flask import Flask

from connectors.base import Endpoint
from connectors.hubspot.inspector import HubSpotInspector, supported_until
from connectors.tokens import FixedToken
from model.errors import NotAuthorized, RetryLater
from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.hubspot.account import HubSpot
from sandbox.hubspot.apps import Grant
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.connectors.endpoints import Notes

LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def app() -> Flask:
    return VENDORS["hubspot"](Clock())


@pytest.fixture(scope="module")
def url(app: Flask) -> Iterator[str]:
    with running(app) as found:
        yield found


def inspector(url: str, token: str = "sandbox-token", **more: object) -> HubSpotInspector:
    return HubSpotInspector(Endpoint(url, FixedToken(token), Notes()), **more)  # type: ignore[arg-type]


def with_scopes(app: Flask, *scopes: str) -> str:
    """Put a token into the account that may do just this."""
    account = vendor_of(app)
    assert isinstance(account, HubSpot)
    some = next(iter(account.apps.by_client.values()))
    account.apps.access_tokens["pat-few"] = Grant(some, 1, "a@b.example", frozenset(scopes), LATER)
    return "pat-few"


def test_an_account_says_its_id_and_what_the_token_may_do(url):
    found = inspector(url).account()
    assert (found.id, found.kind, found.user) == ("62515", "STANDARD", "user 81001")
    assert found.scopes is not None
    assert "crm.objects.contacts.write" in found.scopes


def test_an_account_is_told_without_the_scope_of_account_details(app, url):
    assert inspector(url, with_scopes(app, "crm.objects.contacts.read")).account().id == "62515"


def test_scopes_are_unknown_where_the_kind_of_token_is(url, monkeypatch):
    monkeypatch.setattr("connectors.hubspot.inspector.TOKEN_INFO", "/oauth/v2/nothing")
    assert inspector(url).account().scopes is None


def test_a_wrong_token_is_told_with_what_to_do(url):
    with pytest.raises(NotAuthorized, match=r"credentials not found.*Copy the token again") as caught:
        inspector(url, "pat-very-secret").account()
    assert "very-secret" not in str(caught.value)


def test_a_limit_that_is_reached_stops_every_caller_of_the_account(url):
    requests.post(f"{url}/__sandbox/faults", json={"rate_429": 1}, timeout=60).raise_for_status()
    budget = Notes()
    try:
        with pytest.raises(RetryLater):
            HubSpotInspector(Endpoint(url, FixedToken("sandbox-token"), budget)).fields("contacts")
    finally:
        requests.post(f"{url}/__sandbox/faults", json={}, timeout=60).raise_for_status()
    [(wait, stops)] = budget.refusals
    assert (stops, (wait or 0) > 0) == ("connection", True)


def test_an_address_where_nobody_answers_is_told():
    with pytest.raises(RetryLater, match="could not be reached"):
        inspector("http://127.0.0.1:9").account()


@pytest.mark.parametrize(
    ("name", "kind", "is_closed", "is_unique", "can_update"),
    [
        ("email", "text", False, True, True),
        ("leadrelay_id", "text", False, True, True),
        ("lifecyclestage", "choice", True, False, True),
        ("hubspot_owner_id", "owner", False, False, True),
        ("first_touch_at", "datetime", False, False, True),
        ("leadrelay_score", "number", False, False, True),
        ("createdate", "datetime", False, False, False),
    ],
)
def test_a_property_says_what_it_takes(url, name, kind, is_closed, is_unique, can_update):
    found = inspector(url).fields("contacts")
    assert found is not None
    one = found.by_name[name]
    assert (one.type, one.is_closed, one.is_unique, one.can_update) == (
        kind,
        is_closed,
        is_unique,
        can_update,
    )


def test_an_object_that_is_not_there_has_no_fields(url):
    assert inspector(url).fields("p123_nothing") is None


def test_limits_come_from_the_headers_of_answers(url):
    one = inspector(url)
    assert one.usage() == []
    one.account()
    [burst] = one.usage()
    assert (burst.name, burst.most) == ("calls in 10 s", 110)
    assert burst.used


def test_a_private_app_is_told_of_the_day(url):
    limits = {"limits": {"per_10s": 190, "daily": 1000}}
    requests.post(f"{url}/__sandbox/faults", json=limits, timeout=60).raise_for_status()
    one = inspector(url)
    one.account()
    told = {usage.name: usage.most for usage in one.usage()}
    assert told == {"calls in 10 s": 190, "calls a day": 1000}
    requests.post(f"{url}/__sandbox/faults", json={}, timeout=60).raise_for_status()


def test_the_clock_is_compared_with_that_of_the_answer(url):
    early = inspector(url, clock=lambda: datetime.now(UTC) - timedelta(minutes=5))
    early.account()
    assert early.clock_ahead == pytest.approx(300, abs=3)


@pytest.mark.parametrize(
    ("version", "until"),
    [
        ("2026-09", date(2028, 3, 1)),
        ("2026-03", date(2027, 9, 1)),
        ("v3", date(2027, 9, 1)),
        ("2026-13", None),
        ("v9", None),
    ],
)
def test_a_dated_version_lives_eighteen_months(version, until):
    assert supported_until(version) == until
