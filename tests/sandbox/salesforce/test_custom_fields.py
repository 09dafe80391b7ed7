"""An installer makes a custom field, and it works like any other."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of


def custom(name, **metadata):
    return {"FullName": name, "Metadata": metadata}


def grant(api, *fields, edit=True):
    """Let the API user read and edit fields, as an installer does; returns the permission set."""
    told = {"Name": "installer", "Label": "Installer"}
    permission_set = api.make("PermissionSet", **told)
    user = api.user("integration@northlight.example")
    api.make("PermissionSetAssignment", AssigneeId=user, PermissionSetId=permission_set)
    for field in fields:
        rights = {"PermissionsRead": True, "PermissionsEdit": edit}
        api.make(
            "FieldPermissions",
            ParentId=permission_set,
            SobjectType=field.split(".")[0],
            Field=field,
            **rights,
        )
    return permission_set


def names(api, kind):
    return {field["name"]: field for field in api.get(f"sobjects/{kind}/describe").json()["fields"]}


def test_a_new_field_is_hidden_until_a_permission_set_of_the_user_grants_it(api):
    text = custom("Lead.Shoe__c", label="Shoe", type="Text", length=20)
    assert api.post("tooling/sobjects/CustomField", text).status_code == 201
    assert "Shoe__c" not in names(api, "Lead")
    assert error_of(api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "Shoe__c": "9"}))[1] == (
        "INVALID_FIELD"
    )
    again = api.post("tooling/sobjects/CustomField", text)
    assert error_of(again)[1] == "DUPLICATE_DEVELOPER_NAME", "it is there, though hidden"
    grant(api, "Lead.Shoe__c")
    assert names(api, "Lead")["Shoe__c"]["createable"] is True
    assert api.read(api.lead(Shoe__c="9"), "Shoe__c") == {"Shoe__c": "9"}


def test_a_field_that_may_be_read_only_is_not_written(api):
    api.post("tooling/sobjects/CustomField", custom("Lead.Shoe__c", label="Shoe", type="Text", length=20))
    grant(api, "Lead.Shoe__c", edit=False)
    told = names(api, "Lead")["Shoe__c"]
    assert (told["createable"], told["updateable"]) == (False, False)


def test_a_set_that_the_user_does_not_have_grants_nothing(api):
    api.post("tooling/sobjects/CustomField", custom("Lead.Shoe__c", label="Shoe", type="Text", length=20))
    permission_set = grant(api, "Lead.Shoe__c")
    [row] = api.rows("SELECT Id FROM PermissionSetAssignment")
    assert api.delete(f"sobjects/PermissionSetAssignment/{row['Id']}").status_code == 204
    assert "Shoe__c" not in names(api, "Lead")
    [kept] = api.rows(f"SELECT Field FROM FieldPermissions WHERE ParentId = '{permission_set}'")
    assert kept == {"Field": "Lead.Shoe__c"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Field": "Lead.No__c"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Field": "Contact.Email"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Field": "Lead.Title", "PermissionsRead": False}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"Field": "Lead.Phone"}, "DUPLICATE_VALUE"),
    ],
)
def test_what_grants_nothing(api, given, code):
    permission_set = grant(api, "Lead.Phone")
    whole = {"ParentId": permission_set, "SobjectType": "Lead", "PermissionsRead": True} | given
    assert error_of(api.post("sobjects/FieldPermissions", whole))[1] == code


def test_an_org_whose_admin_has_made_no_fields_yet(api):
    api.control("faults", {"own_fields": "none"})
    assert not [name for name in names(api, "Lead") if name.endswith("__c")]
    made = custom("Lead.LeadRelay_Id__c", label="Id", type="Text", length=64, externalId=True, unique=True)
    assert api.post("tooling/sobjects/CustomField", made).status_code == 201
    grant(api, "Lead.LeadRelay_Id__c")
    assert (
        api.patch("sobjects/Lead/LeadRelay_Id__c/l-1", {"LastName": "x", "Company": "y"}).status_code == 201
    )


@pytest.fixture
def open_api(api):
    """An org that shows new fields to everyone at once."""
    api.control("faults", {"new_fields": "shown"})
    return api


def test_a_new_external_id_is_described_written_looked_up_and_unique(open_api):
    api = open_api
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
def test_fields_of_many_types(open_api, metadata, value, kept, bad):
    api = open_api
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


def test_a_lookup_is_a_parent_and_a_reset_forgets_it(open_api):
    api = open_api
    field = custom(
        "Lead.Sponsor__c", label="Sponsor", type="Lookup", referenceTo="Contact", relationshipName="Protegees"
    )
    api.post("tooling/sobjects/CustomField", field)
    api.lead(Sponsor__c=api.contact(LastName="Babbage"))
    assert api.rows("SELECT Sponsor__r.LastName FROM Lead")[0]["Sponsor__r"]["LastName"] == "Babbage"
    api.control("reset", {})
    assert api.query("SELECT Sponsor__c FROM Lead").status_code == 400
