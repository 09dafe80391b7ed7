"""An installer makes a custom field, and it works like any other."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of


def custom(name, **metadata):
    return {"FullName": name, "Metadata": metadata}


def test_a_new_external_id_is_described_written_looked_up_and_unique(api):
    changed = api.get("sobjects/Account/describe").headers["Last-Modified"]
    api.control("clock", {"advance": 60})
    field = custom(
        "Account.Shop_Id__c", label="Shop Id", type="Text", length=20, externalId=True, unique=True
    )
    made = api.post("tooling/sobjects/CustomField", field)
    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"], "success": True, "errors": [], "warnings": [], "infos": [],
    }  # fmt: skip
    assert made.json()["id"].startswith("00N")
    told = api.get("sobjects/Account/describe", headers={"If-Modified-Since": changed}).json()["fields"][-1]
    assert [told[name] for name in ("name", "custom", "externalId", "unique", "length")] == [
        "Shop_Id__c", True, True, True, 20,
    ]  # fmt: skip
    first = api.patch("sobjects/Account/Shop_Id__c/s-1", {"Name": "Shop"}).json()
    assert api.patch("sobjects/Account/Shop_Id__c/S-1", {"Name": "Shop 1"}).json()["created"] is False
    assert api.rows("SELECT Name FROM Account WHERE Shop_Id__c = 's-1'") == [{"Name": "Shop 1"}]
    again = api.post("sobjects/Account", {"Name": "x", "Shop_Id__c": "s-1"})
    assert error_of(again)[1] == "DUPLICATE_VALUE"
    assert first["id"] in error_of(again)[2]


@pytest.mark.parametrize(
    ("metadata", "value", "kept", "bad"),
    [
        ({"type": "Number", "precision": 5, "scale": 1}, 12.34, 12.3, 123456),
        ({"type": "Checkbox", "defaultValue": False}, True, True, "maybe"),
        ({"type": "Date"}, "2026-11-21", "2026-11-21", "21.11.2026"),
        ({"type": "Email"}, "a@example.com", "a@example.com", "a"),
        ({"type": "LongTextArea", "length": 1000, "visibleLines": 3}, "x" * 1000, "x" * 1000, "x" * 1001),
        (
            {"type": "Picklist", "valueSet": {"restricted": True, "valueSetDefinition": {
                "sorted": False, "value": [{"fullName": "Gold", "label": "Gold", "default": False}]}}},
            "Gold", "Gold", "Tin",
        ),
    ],
)  # fmt: skip
def test_fields_of_many_types(api, metadata, value, kept, bad):
    made = api.post("tooling/sobjects/CustomField", custom("Lead.New__c", label="New", **metadata))
    assert made.status_code == 201, made.text
    assert api.read(api.lead(New__c=value), "New__c") == {"New__c": kept}
    refused = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "New__c": bad})
    assert refused.status_code == 400


def test_what_makes_no_field(api):
    url = "tooling/sobjects/CustomField"
    taken = custom("Lead.LeadRelay_Id__c", label="x", type="Text", length=9)
    assert error_of(api.post(url, taken))[1] == "DUPLICATE_DEVELOPER_NAME"
    assert error_of(api.post(url, {"FullName": "Lead"}))[1] == "REQUIRED_FIELD_MISSING"
    assert error_of(api.post(url, custom("Lead.A__c", label="x", type="Text")))[3] == ["length"]
    assert error_of(api.post("tooling/sobjects/ApexClass", {}))[0] == 501


def test_a_lookup_is_a_parent_and_a_reset_forgets_it(api):
    field = custom(
        "Lead.Sponsor__c", label="Sponsor", type="Lookup", referenceTo="Contact", relationshipName="Protegees"
    )
    api.post("tooling/sobjects/CustomField", field)
    api.lead(Sponsor__c=api.contact(LastName="Babbage"))
    assert api.rows("SELECT Sponsor__r.LastName FROM Lead")[0]["Sponsor__r"]["LastName"] == "Babbage"
    api.control("reset", {})
    assert api.query("SELECT Sponsor__c FROM Lead").status_code == 400
