"""What a Salesforce org tells of itself, by the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
import requests

from connectors.base import Endpoint
from connectors.registry import token_source
from connectors.salesforce.inspector import SalesforceInspector
from connectors.tokens import Credentials, FixedToken, SignedIn
from model.errors import NotAuthorized, RetryLater
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from sandbox.server import running
from tests.connectors.endpoints import Notes

TODAY = date(2026, 11, 22)
BY_SECRET = Credentials(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(VENDORS["salesforce"](Clock())) as found:
        yield found


def inspector(
    url: str, token: str = "00Dsandbox!sandbox-token", version: str = "68.0"
) -> SalesforceInspector:
    return SalesforceInspector(Endpoint(url, FixedToken(token), Notes(), options={"api_version": version}))


def test_an_org_says_its_id_its_name_and_who_the_token_is(url):
    found = inspector(url).account()
    assert (found.id, found.name, found.kind) == ("00D5g00000006JxEAI", "Northlight", "Developer Edition")
    assert found.user.endswith("@northlight.example")
    assert found.scopes is None


def test_a_day_that_is_used_up_stops_every_caller_of_the_org(url):
    requests.post(f"{url}/__sandbox/faults", json={"limits": {"daily": 0}}, timeout=60).raise_for_status()
    budget = Notes()
    try:
        with pytest.raises(RetryLater):
            SalesforceInspector(Endpoint(url, FixedToken("00Dsandbox!sandbox-token"), budget)).fields("Lead")
    finally:
        requests.post(f"{url}/__sandbox/faults", json={}, timeout=60).raise_for_status()
    assert [stops for _, stops in budget.refusals] == ["day"]


def test_scopes_are_those_of_the_sign_in(url):
    tokens = token_source("salesforce", url, BY_SECRET)
    assert tokens is not None
    assert SalesforceInspector(Endpoint(url, tokens, Notes())).account().scopes == {"api", "id"}


def test_a_session_that_has_ended_is_renewed_once(url):
    tokens = token_source("salesforce", url, BY_SECRET)
    assert isinstance(tokens, SignedIn)
    one = SalesforceInspector(Endpoint(url, tokens, Notes()))
    tokens._session = replace(tokens.session(), token="00Ddead!token")
    tokens._signed_in_at -= 60
    assert one.account().id == "00D5g00000006JxEAI"


def test_a_dead_token_is_told_with_what_to_do(url):
    with pytest.raises(NotAuthorized, match=r"INVALID_SESSION_ID.*client credentials or JWT") as caught:
        inspector(url, "00Dvery!secret").account()
    assert "very!secret" not in str(caught.value)


def test_a_describe_says_what_a_field_takes(url):
    found = inspector(url).fields("Lead")
    assert found is not None
    assert found.can_create
    assert found.can_update
    held = found.by_name
    assert (held["Title"].type, held["Title"].length) == ("text", 128)
    assert held["OwnerId"].type == "owner"
    assert held["Status"].options[0] == "Open - Not Contacted"
    assert held["LeadRelay_Id__c"].is_unique
    assert held["LeadRelay_Id__c"].is_key
    assert not held["ConvertedDate"].can_update
    assert {name for name, one in held.items() if one.is_required} == {"LastName", "Company"}


def test_an_object_that_is_not_there_has_no_fields(url):
    assert inspector(url).fields("Nothing__c") is None


def test_a_version_is_looked_up_in_the_orgs_list(url):
    assert inspector(url).version(TODAY).is_supported
    gone = inspector(url, version="20.0").version(TODAY)
    assert (gone.is_supported, gone.newest) == (False, "68.0")


def test_the_day_is_read_from_the_headers(url):
    requests.post(f"{url}/__sandbox/faults", json={"limits": {"daily": 500}}, timeout=60)
    one = inspector(url)
    one.account()
    [day] = one.usage()
    assert day.most == 500
    assert day.used
    requests.post(f"{url}/__sandbox/faults", json={}, timeout=60)


def test_a_describe_is_asked_for_only_where_it_has_changed(url):
    asker = inspector(url)
    first = asker.describe("Lead")
    assert first.fields is not None
    assert first.modified
    again = asker.describe("Lead", first.modified)
    assert (again.fields, again.modified, again.is_unchanged) == (None, first.modified, True)
