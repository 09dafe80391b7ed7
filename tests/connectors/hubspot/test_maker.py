"""Making properties: in one call, in a group of their own, and again without harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.base import Endpoint
from connectors.hubspot.inspector import HubSpotInspector
from connectors.hubspot.maker import HubSpotMaker
from connectors.making import NewField
from connectors.tokens import FixedToken
from model.errors import NotAuthorized
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.connectors.endpoints import Notes, an_endpoint
from tests.connectors.stub import Said

TEXT = NewField("contacts", "shoe", "text", "Shoe", purpose="Written by leadrelay: shoe.")
ALL = (
    TEXT,
    NewField("contacts", "essay", "text", "Essay", length=5000),
    NewField("contacts", "points", "number", "Points"),
    NewField("contacts", "is_new", "bool", "Is new"),
    NewField("contacts", "seen_at", "datetime", "Seen at"),
    NewField("contacts", "size", "choice", "Size", options=("S", "L")),
    NewField("contacts", "our_id", "text", "leadrelay ID", is_unique=True),
    NewField("contacts", "ends_on", "date", "Ends on"),
)


@pytest.fixture
def url() -> Iterator[str]:
    with running(VENDORS["hubspot"](Clock())) as found:
        yield found


def endpoint(url: str) -> Endpoint:
    return Endpoint(url, FixedToken("sandbox-token"), Notes())


def calls(url: str) -> dict[str, int]:
    told: dict[str, int] = requests.get(f"{url}/__sandbox/stats", timeout=60).json()["calls"]
    return told


def properties(url: str) -> dict[str, dict[str, Any]]:
    headers = {"Authorization": "Bearer sandbox-token"}
    rows = requests.get(f"{url}/crm/properties/2026-09/contacts", headers=headers, timeout=60).json()
    return {row["name"]: row for row in rows["results"]}


def test_all_types_are_made_in_one_call_and_fit_what_is_written(url):
    made = list(HubSpotMaker(endpoint(url)).make(ALL))
    assert [(one.field.name, one.refusal) for one in made] == [(field.name, "") for field in ALL]
    assert sum(n for path, n in calls(url).items() if path.startswith("POST") and "properties" in path) == 1
    found = properties(url)
    shapes = {name: (found[name]["type"], found[name]["fieldType"]) for name in [one.name for one in ALL]}
    assert shapes == {
        "shoe": ("string", "text"),
        "essay": ("string", "textarea"),
        "points": ("number", "number"),
        "is_new": ("bool", "booleancheckbox"),
        "seen_at": ("datetime", "date"),
        "ends_on": ("date", "date"),
        "size": ("enumeration", "select"),
        "our_id": ("string", "text"),
    }
    assert {found[one.name]["groupName"] for one in ALL} == {"leadrelay"}
    assert (found["our_id"]["hasUniqueValue"], found["shoe"]["hasUniqueValue"]) == (True, False)
    assert [option["value"] for option in found["size"]["options"]] == ["S", "L"]
    told = HubSpotInspector(endpoint(url)).fields("contacts")
    assert told is not None
    assert [told.by_name[one.name].type for one in ALL] == [one.type for one in ALL]


def test_the_group_is_made_where_it_is_not_there(url):
    headers = {"Authorization": "Bearer sandbox-token"}
    base = f"{url}/crm/properties/2026-09/contacts"
    for name, told in properties(url).items():
        if told["groupName"] == "leadrelay":
            assert requests.delete(f"{base}/{name}", headers=headers, timeout=60).status_code == 204
    assert requests.delete(f"{base}/groups/leadrelay", headers=headers, timeout=60).status_code == 204
    [made] = HubSpotMaker(endpoint(url)).make([TEXT])
    assert made.refusal == ""
    assert properties(url)["shoe"]["groupName"] == "leadrelay"


def test_made_again_nothing_is_doubled_and_nothing_is_refused(url):
    maker = HubSpotMaker(endpoint(url))
    list(maker.make(ALL[:2]))
    before = properties(url)
    assert [one.refusal for one in maker.make(ALL[:3])] == ["", "", ""]
    after = properties(url)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"points"}


def test_one_that_is_refused_does_not_keep_the_others_from_being_made(url):
    many = [NewField("contacts", f"key_{n}", "text", f"Key {n}", is_unique=True) for n in range(10)]
    refused = [one for one in HubSpotMaker(endpoint(url)).make([*many, TEXT]) if one.refusal]
    assert [one.field.name for one in refused] == ["key_9"]  # the account has one unique property already
    assert "unique properties" in refused[0].refusal
    assert "shoe" in properties(url)


@pytest.mark.parametrize(
    "field", [NewField("contacts", "Shoe Size", "text", "x"), NewField("contacts", "x", "owner", "x")]
)
def test_what_hubspot_has_no_property_for_is_not_asked_for(url, field):
    [made] = HubSpotMaker(endpoint(url)).make([field])
    assert made.refusal == "HubSpot makes no property of this name and type"
    assert calls(url) == {}


def test_a_batch_that_is_refused_whole_is_made_one_by_one(stub):
    taken = {"category": "CONFLICT", "message": "A property named 'shoe' already exists."}
    wrong = {"category": "VALIDATION_ERROR", "message": "no such field type"}
    stub.will_say(
        Said(200, {"name": "leadrelay"}), Said(400, wrong), Said(409, taken), Said(400, wrong), Said(201, {})
    )
    made = list(HubSpotMaker(an_endpoint(stub.url)).make(ALL[:3]))
    assert [one.refusal for one in made] == ["", "HubSpot 400: no such field type", ""]


def test_a_token_that_may_not_make_properties_says_which_scope_is_missing(stub):
    details = [{"context": {"requiredGranularScopes": ["crm.schemas.contacts.write"]}}]
    told = {
        "category": "MISSING_SCOPES",
        "message": "This app hasn't been granted all scopes.",
        "errors": details,
    }
    stub.will_say(Said(200, {"name": "leadrelay"}), Said(403, told))
    with pytest.raises(NotAuthorized, match=r"crm\.schemas\.contacts\.write"):
        list(HubSpotMaker(an_endpoint(stub.url)).make([TEXT]))


def test_the_steps_name_everything_that_cannot_be_changed_later():
    maker = HubSpotMaker(an_endpoint("http://127.0.0.1:9"))
    text = " ".join(maker.steps(ALL[6]))
    for words in ("Settings > Properties", "our_id", "Single-line text", "Require unique values"):
        assert words in text
    assert "Options (internal values): S, L." in maker.steps(ALL[5])
