"""A part of a body that is of the wrong JSON type is a 400, wherever it stands, and spoils nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.hubspot.conftest import Account

CONTACTS = "/crm/v3/objects/contacts"
WRONG = (1, 1.5, True, "x", {"a": 1}, [1], [[]], [None], [{"a": 1}])
BODIES: dict[str, list[tuple[str, str]]] = {
    # path: keys whose value is exchanged, each in what rest of the body
    f"{CONTACTS}/search": [
        ("filterGroups", ""), ("sorts", ""), ("query", ""), ("properties", ""), ("limit", ""), ("after", ""),
    ],
    f"{CONTACTS}/batch/read": [
        ("properties", "inputs"), ("propertiesWithHistory", "inputs"), ("idProperty", "inputs"),
    ],
    f"{CONTACTS}/batch/upsert": [("inputs", "")],
    "/crm/v3/objects/leads": [("associations", "lead")],
    "/crm/v3/pipelines/deals": [("stages", "pipeline"), ("label", "pipeline"), ("displayOrder", "pipeline")],
    "/crm/v3/lists": [("name", "list"), ("objectTypeId", "list"), ("processingType", "list")],
    "/crm/v3/lists/search": [
        ("query", ""), ("listIds", ""), ("processingTypes", ""), ("count", ""), ("offset", ""),
    ],
    "/crm/v3/properties/contacts": [
        ("options", "property"), ("label", "property"), ("type", "property"), ("fieldType", "property"),
    ],
    "/crm/v4/associations/contacts/companies/batch/archive": [("inputs", "")],
}  # fmt: skip
REST: dict[str, dict[str, Any]] = {
    "": {},
    "inputs": {"inputs": [{"id": "1"}]},
    "lead": {"properties": {"hs_lead_name": "L"}},
    "pipeline": {"label": "P", "displayOrder": 1, "stages": []},
    "list": {"name": "L", "objectTypeId": "0-1", "processingType": "MANUAL"},
    "property": {
        "name": "colour", "label": "Colour", "type": "enumeration", "fieldType": "select",
        "groupName": "contactinformation", "options": [],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "key", "rest"), [(path, key, rest) for path, keys in BODIES.items() for key, rest in keys]
)
def test_no_json_type_breaks_a_call(account: Account, path: str, key: str, rest: str) -> None:
    account.control("faults", {"limits": {"per_10s": None, "search_per_s": None}})
    for value in WRONG:
        answer = account.call("POST", path, {**REST[rest], key: value})
        assert answer.status_code < 500, (value, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
    for look in ("/crm/v3/pipelines/deals", "/crm/v3/properties/contacts", CONTACTS):
        assert account.call("GET", look).status_code == 200
    assert account.call("POST", "/crm/v3/lists/search", {"query": "l"}).status_code == 200


PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 578}


@pytest.mark.parametrize(
    "association",
    [
        {"to": "1", "types": [PRIMARY]},
        {"to": {"id": "1"}, "types": "primary"},
        {"to": {"id": ["1"]}, "types": [PRIMARY]},
        {"to": {"id": "1"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": "x"}]},
        {"to": {"id": "1"}, "types": [{"associationCategory": {}, "associationTypeId": 578}]},
    ],
)  # fmt: skip
def test_an_association_of_the_wrong_type_is_refused(account: Account, association: object) -> None:
    body = {"properties": {"hs_lead_name": "L"}, "associations": [association]}
    refused = account.call("POST", "/crm/v3/objects/leads", body)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "metadata", ["x", 1, {"probability": "x"}, {"probability": {}}, {"probability": "NaN"}]
)
def test_metadata_of_a_stage_is_an_object_with_a_number(account: Account, metadata: object) -> None:
    stage = {"label": "S", "displayOrder": 0, "metadata": metadata}
    refused = account.call(
        "POST", "/crm/v3/pipelines/deals", {"label": "P", "displayOrder": 1, "stages": [stage]}
    )
    assert refused.status_code == 400


def test_options_given_as_numbers_are_texts(account: Account) -> None:
    told = REST["property"] | {"options": [{"label": 1, "value": 1}, {"label": "Two", "value": 2}]}
    made = account.call("POST", "/crm/v3/properties/contacts", told)
    assert [option["value"] for option in made.json()["options"]] == ["1", "2"]
    assert account.call("POST", CONTACTS, {"properties": {"colour": 2}}).status_code == 201
    refused = account.call("POST", CONTACTS, {"properties": {"colour": "x"}})
    assert "allowed options: [1, 2]" in refused.json()["errors"][0]["message"]
