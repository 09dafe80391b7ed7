"""What the describes tell about the objects and their fields."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest


@pytest.fixture
def fields(api):
    """The fields of an object by name."""

    def of(name):
        return {field["name"]: field for field in api.get(f"sobjects/{name}/describe").json()["fields"]}

    return of


def test_all_objects_are_listed_with_their_prefixes(api):
    told = api.get("sobjects").json()
    assert told["maxBatchSize"] == 200
    assert {one["name"]: one["keyPrefix"] for one in told["sobjects"]} == {
        "Lead": "00Q", "Contact": "003", "Account": "001", "Opportunity": "006",
        "OpportunityContactRole": "00K", "OpportunityHistory": "008", "OpportunityStage": "01J",
        "LeadStatus": "01J", "Task": "00T", "Event": "00U", "Campaign": "701", "CampaignMember": "00v",
        "CampaignMemberStatus": "01Y", "Case": "500", "User": "005", "Profile": "00e", "Group": "00G",
        "Organization": "00D", "PermissionSet": "0PS", "PermissionSetAssignment": "0Pa",
        "FieldPermissions": "01k",
    }  # fmt: skip


def test_the_short_form_of_an_object_has_its_addresses(api):
    told = api.get("sobjects/lead/").json()
    assert told["objectDescribe"]["urls"]["describe"] == "/services/data/v68.0/sobjects/Lead/describe"
    assert told["recentItems"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LastName", {"type": "string", "length": 80, "byteLength": 240, "nillable": False,
                      "createable": True, "defaultedOnCreate": False,
                      "compoundFieldName": "Name", "soapType": "xsd:string"}),
        ("Company", {"length": 255, "nillable": False, "defaultedOnCreate": False, "updateable": True}),
        ("Email", {"type": "email", "length": 80, "idLookup": True, "externalId": False, "unique": False}),
        ("OwnerId", {"type": "reference", "referenceTo": ["Group", "User"], "relationshipName": "Owner",
                     "polymorphicForeignKey": True, "length": 18}),
        ("IsConverted", {"createable": True, "updateable": False, "type": "boolean", "defaultValue": False}),
        ("ConvertedDate", {"type": "date", "createable": False, "updateable": False}),
        ("SystemModstamp", {"type": "datetime", "createable": False, "updateable": False}),
        ("Description", {"type": "textarea", "length": 32_000, "filterable": False, "sortable": False}),
        ("NumberOfEmployees", {"type": "int", "digits": 8, "soapType": "xsd:int"}),
        ("AnnualRevenue", {"type": "currency", "precision": 18, "scale": 0, "soapType": "xsd:double"}),
        ("CleanStatus", {"restrictedPicklist": True}),
        ("LeadRelay_Id__c", {"custom": True, "externalId": True, "unique": True, "caseSensitive": False,
                             "idLookup": True, "length": 64}),
        ("LeadRelay_Score__c", {"custom": True, "type": "double"}),
        ("LeadRelay_Stage__c", {"custom": True, "type": "string", "length": 40}),
        ("Last_Touch_Landing_Page__c", {"length": 255, "type": "string"}),
        ("First_Touch_At__c", {"type": "datetime", "custom": True, "nillable": True}),
    ],
)  # fmt: skip
def test_a_field_of_the_lead(fields, name, expected):
    told = fields("Lead")[name]
    assert {key: told[key] for key in expected} == expected


def test_the_status_of_a_lead_is_an_open_picklist_with_a_default(fields):
    status = fields("Lead")["Status"]
    assert [(one["value"], one["defaultValue"]) for one in status["picklistValues"]] == [
        ("Open - Not Contacted", True), ("Working - Contacted", False), ("Closed - Converted", False),
        ("Closed - Not Converted", False),
    ]  # fmt: skip
    assert (status["restrictedPicklist"], status["nillable"], status["defaultedOnCreate"]) == (
        False,
        False,
        True,
    )


def test_lead_and_contact_carry_the_same_custom_fields(fields):
    custom = [{name for name, field in fields(one).items() if field["custom"]} for one in ("Lead", "Contact")]
    listed = json.loads(
        (files("sandbox.salesforce") / "objects" / "custom_fields.json").read_text(encoding="utf-8")
    )
    of_people = {field["name"] for field in listed["fields"] if "Lead" in field.get("on", listed["on"])}
    assert custom[0] == custom[1] == of_people
    assert len(custom[0]) == 24


def test_only_last_name_and_company_are_required(fields):
    def required(name):
        told = fields(name).values()
        return [
            one["name"]
            for one in told
            if one["createable"] and not one["nillable"] and not one["defaultedOnCreate"]
        ]

    assert (required("Lead"), required("Contact")) == (["LastName", "Company"], ["LastName"])


def test_a_contact_has_its_own_names(fields):
    contact = fields("Contact")
    assert contact["Phone"]["label"] == "Business Phone"
    assert contact["MailingCity"]["compoundFieldName"] == "MailingAddress"
    assert contact["OwnerId"]["referenceTo"] == ["User"]
    assert not {"Company", "Status", "City", "IsConverted"} & contact.keys()


def test_a_describe_need_not_be_fetched_again(api):
    changed = api.get("sobjects/Lead/describe").headers["Last-Modified"]
    assert api.get("sobjects/Lead/describe", headers={"If-Modified-Since": changed}).status_code == 304


def test_a_whole_record_tells_every_described_field(api, fields):
    told = api.get(f"sobjects/Lead/{api.lead()}").json()
    assert list(told) == ["attributes", *fields("Lead")]
