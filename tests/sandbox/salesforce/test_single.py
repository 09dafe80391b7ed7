"""One record at a time: create, read, change, delete, and what is refused."""

from __future__ import annotations

import pytest

READ_ONLY = (
    "Unable to create/update fields: {}. Please check the security settings of this field and verify "
    "that it is read/write for your profile or permission set."
)


def error_of(answer):
    [error] = answer.json()
    return answer.status_code, error["errorCode"], error["message"], error.get("fields")


def test_create_answers_201_with_id_and_place(api):
    made = api.post("sobjects/Lead/", {"LastName": "Lovelace", "Company": "Engines"})
    lead = made.json()["id"]
    assert made.status_code == 201
    assert made.json() == {"id": lead, "success": True, "errors": []}
    assert made.headers["Location"] == f"/services/data/v68.0/sobjects/Lead/{lead}"


def test_a_new_lead_has_its_defaults_and_system_fields(api):
    api.control("clock", {"now": "2026-11-21T10:00:00.75Z", "frozen": True})
    lead = api.get(f"sobjects/lead/{api.lead(FirstName='Ada', Email='ada@example.com')}").json()
    moment, owner = "2026-11-21T10:00:00.000+0000", api.user("integration@northlight.example")
    assert lead["attributes"] == {"type": "Lead", "url": f"/services/data/v68.0/sobjects/Lead/{lead['Id']}"}
    expected = {
        "Name": "Ada Lovelace", "Status": "Open - Not Contacted", "OwnerId": owner, "CreatedById": owner,
        "CreatedDate": moment, "LastModifiedDate": moment, "SystemModstamp": moment, "IsDeleted": False,
        "IsConverted": False, "HasOptedOutOfEmail": False, "DoNotCall": False, "Address": None, "Phone": None,
        "MasterRecordId": None, "LeadRelay_Id__c": None,
    }  # fmt: skip
    assert {name: lead[name] for name in expected} == expected


def test_names_of_objects_and_fields_are_found_in_any_case(api):
    lead = api.post(
        "sobjects/LEAD", {"lastname": "Hopper", "COMPANY": "Navy", "leadrelay_id__C": "lr-1"}
    ).json()["id"]
    told = api.get(f"sobjects/lEaD/{lead}", params={"fields": "LASTNAME,leadRelay_ID__c"}).json()
    assert (told["LastName"], told["LeadRelay_Id__c"]) == ("Hopper", "lr-1")


def test_update_changes_what_is_given_and_answers_204_without_a_body(api):
    lead = api.lead(Title="CEO", City="London")
    answer = api.patch(f"sobjects/Lead/{lead}", {"Title": "CTO", "City": None, "FirstName": "Ada"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.read(lead, "Title,City,Name,Company") == {
        "Title": "CTO", "City": None, "Name": "Ada Lovelace", "Company": "Engines",
    }  # fmt: skip


def test_every_update_moves_the_stamp_by_whole_seconds_also_one_that_changes_nothing(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    lead = api.lead(Title="CTO")
    api.control("clock", {"advance": 90.5})
    api.patch(f"sobjects/Lead/{lead}", {"Title": "CTO"})
    assert api.read(lead, "CreatedDate,LastModifiedDate,SystemModstamp") == {
        "CreatedDate": "2026-11-21T10:00:00.000+0000",
        "LastModifiedDate": "2026-11-21T10:01:30.000+0000",
        "SystemModstamp": "2026-11-21T10:01:30.000+0000",
    }


def test_values_come_back_in_the_fields_own_form(api):
    given = {
        "NumberOfEmployees": 250, "AnnualRevenue": 1_000_000, "LeadRelay_Score__c": "61.5",
        "DoNotCall": "true", "First_Touch_At__c": "2026-11-21T12:00:00.999+02:00", "Title": "  CTO ",
        "City": "", "Website": "example.com",
    }  # fmt: skip
    assert api.read(api.lead(**given), ",".join(given)) == {
        "NumberOfEmployees": 250, "AnnualRevenue": 1_000_000.0, "LeadRelay_Score__c": 61.5, "DoNotCall": True,
        "First_Touch_At__c": "2026-11-21T10:00:00.000+0000", "Title": "CTO", "City": None,
        "Website": "example.com",
    }  # fmt: skip


def test_a_contact_keeps_its_mailing_address_as_one(api):
    contact = api.contact(MailingCity="London", MailingCountry="UK", MailingPostalCode="W1")
    assert api.read(contact, "MailingAddress,MailingCity")["MailingAddress"] == {
        "city": "London", "country": "UK", "geocodeAccuracy": None, "latitude": None, "longitude": None,
        "postalCode": "W1", "state": None, "street": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "code", "message", "named"),
    [
        (
            {"LastName": None},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
            ["LastName"],
        ),
        (
            {"LastName": " ", "Company": ""},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName, Company]",
            ["LastName", "Company"],
        ),
        (
            {"City": "x" * 41},
            "STRING_TOO_LONG",
            f"City: data value too large: {'x' * 41} (max length=40)",
            ["City"],
        ),
        (
            {"LeadRelay_Id__c": "x" * 65},
            "STRING_TOO_LONG",
            f"LeadRelay Id: data value too large: {'x' * 65} (max length=64)",
            ["LeadRelay_Id__c"],
        ),
        (
            {"Email": "ada@engines"},
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: ada@engines",
            ["Email"],
        ),
        (
            {"CleanStatus": "Dirty"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Clean Status: bad value for restricted picklist field: Dirty",
            ["CleanStatus"],
        ),
        ({"Shoe__c": 46}, "INVALID_FIELD", "No such column 'Shoe__c' on sobject of type Lead", None),
        (
            {"CreatedDate": "2020-01-01T00:00:00Z", "Name": "x"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            READ_ONLY.format("CreatedDate, Name"),
            ["CreatedDate", "Name"],
        ),
        (
            {"Id": "00Q5g0000000001EAA"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "cannot specify Id in an insert call",
            ["Id"],
        ),
        ({"OwnerId": "foo"}, "MALFORMED_ID", "Owner ID: id value of incorrect type: foo", ["OwnerId"]),
        (
            {"OwnerId": "00Q5g0000000001EAA"},
            "MALFORMED_ID",
            "Owner ID: id value of incorrect type: 00Q5g0000000001EAA",
            ["OwnerId"],
        ),
        ({"OwnerId": "0055g0000000001AAA"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
        (
            {"NumberOfEmployees": "many"},
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of int from VALUE_STRING value many "
            "or request may be missing a required field",
            None,
        ),
        (
            {"First_Touch_At__c": "2026-11-21 10:00:00"},
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of datetime from VALUE_STRING value 2026-11-21 10:00:00 "
            "or request may be missing a required field",
            None,
        ),
        (
            {"NumberOfEmployees": 100_000_000},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Employees: value outside of valid range on numeric field: 100000000",
            ["NumberOfEmployees"],
        ),
        (
            {"DoNotCall": None},
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "Do Not Call: value not of required type: ",
            ["DoNotCall"],
        ),
    ],
)
def test_a_create_is_refused_with_code_message_and_fields(api, fields, code, message, named):
    answer = api.post("sobjects/Lead", {"LastName": "Lovelace", "Company": "Engines", **fields})
    assert error_of(answer) == (400, code, message, named)
    assert api.rows("SELECT Id FROM Lead") == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Company": None}, "REQUIRED_FIELD_MISSING"),
        ({"Status": None}, "REQUIRED_FIELD_MISSING"),
        ({"IsConverted": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Id": "00Q5g0000000001EAA"}, "INVALID_FIELD"),
        ({"Email": "no"}, "INVALID_EMAIL_ADDRESS"),
    ],
)
def test_an_update_that_is_refused_changes_nothing(api, fields, code):
    lead = api.lead(Title="CEO")
    assert error_of(api.patch(f"sobjects/Lead/{lead}", {"Title": "CTO", **fields}))[:2] == (400, code)
    assert api.read(lead, "Title")["Title"] == "CEO"


@pytest.mark.parametrize(
    "email", ["o'brien+news@sub.example.co", "a_b.c-d@example.com", "ADA@EXAMPLE.COM", "1@2.de"]
)
def test_unusual_but_valid_addresses_are_kept_as_given(api, email):
    assert api.read(api.lead(Email=email), "Email") == {"Email": email}


def test_open_picklists_take_any_value_and_a_restricted_status_does_not(api):
    assert api.read(api.lead(Status="Marketing Qualified"), "Status") == {"Status": "Marketing Qualified"}
    api.fault(lead_status="restricted")
    refused = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "Status": "Marketing Qualified"})
    assert error_of(refused)[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_an_inactive_user_cannot_be_given_a_lead(api):
    inactive = api.user("oliver.stone@northlight.example")
    refused = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "OwnerId": inactive})
    message = f"operation performed with inactive user [{inactive}] as owner of lead"
    assert error_of(refused) == (400, "INACTIVE_OWNER_OR_USER", message, [])


def test_a_queue_can_own_a_lead_but_not_a_contact(api):
    [queue] = api.rows("SELECT Id FROM Group WHERE Type = 'Queue'")
    assert api.read(api.lead(OwnerId=queue["Id"]), "OwnerId") == {"OwnerId": queue["Id"]}
    refused = api.post("sobjects/Contact", {"LastName": "x", "OwnerId": queue["Id"]})
    assert error_of(refused)[1] == "MALFORMED_ID"


def test_a_deleted_record_is_gone_but_for_query_all(api):
    lead = api.lead(Email="ada@example.com")
    assert api.delete(f"sobjects/Lead/{lead}").status_code == 204
    gone = (404, "ENTITY_IS_DELETED", "entity is deleted", [])
    assert error_of(api.get(f"sobjects/Lead/{lead}")) == gone
    assert error_of(api.patch(f"sobjects/Lead/{lead}", {"Title": "x"})) == gone
    assert error_of(api.delete(f"sobjects/Lead/{lead}")) == gone
    assert api.rows("SELECT Id FROM Lead WHERE Email = 'ada@example.com'") == []
    [row] = api.rows("SELECT Id, IsDeleted FROM Lead WHERE Email = 'ada@example.com'", also_deleted=True)
    assert row == {"Id": lead, "IsDeleted": True}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_id_nobody_has_is_not_found_and_no_id_is_no_key_field(api, method):
    body = {"json": {"Title": "x"}} if method == "PATCH" else {}
    unknown = api.call(method, "sobjects/Lead/00Q5g0000000001EAA", **body)
    assert error_of(unknown)[:3] == (404, "NOT_FOUND", "The requested resource does not exist")
    none = api.call(method, "sobjects/Lead/foo", **body)
    message = "Provided external ID field does not exist or is not accessible: foo"
    assert error_of(none)[:3] == (404, "NOT_FOUND", message)


def test_writing_to_the_id_of_another_type_is_malformed(api):
    contact = api.contact()
    code = error_of(api.patch(f"sobjects/Lead/{contact}", {"Title": "x"}))
    assert code == (400, "MALFORMED_ID", f"Lead ID: id value of incorrect type: {contact}", ["Id"])
    assert api.get(f"sobjects/Lead/{contact}").status_code == 404


def test_an_unknown_object_is_not_found_and_an_unknown_field_is_named(api):
    assert error_of(api.get("sobjects/Leed/describe"))[:2] == (404, "NOT_FOUND")
    wrong = api.get(f"sobjects/Lead/{api.lead()}", params={"fields": "Id,Shoe__c"})
    assert error_of(wrong)[:2] == (400, "INVALID_FIELD")
    assert "No such column 'Shoe__c' on entity 'Lead'" in wrong.json()[0]["message"]


@pytest.mark.parametrize("body", [b"{", b"", b"[1]", b'{"LastName": }'])
def test_a_body_that_is_no_json_object_is_a_parser_error(api, body):
    answer = api.call("POST", "sobjects/Lead", data=body, headers={"Content-Type": "application/json"})
    assert error_of(answer)[:2] == (400, "JSON_PARSER_ERROR")


def test_another_content_type_is_not_supported(api):
    answer = api.call("POST", "sobjects/Lead", data=b"<Lead/>", headers={"Content-Type": "application/xml"})
    assert error_of(answer)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_if_unmodified_since_is_the_optimistic_lock(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    lead = api.lead()
    before, after = "Sat, 21 Nov 2026 09:59:59 GMT", "Sat, 21 Nov 2026 10:00:00 GMT"
    path = f"sobjects/Lead/{lead}"
    assert api.patch(path, {"Title": "x"}, headers={"If-Unmodified-Since": before}).status_code == 412
    assert api.patch(path, {"Title": "x"}, headers={"If-Unmodified-Since": after}).status_code == 204
    assert api.patch(path, {"Title": "x"}, headers={"If-Unmodified-Since": "yesterday"}).status_code == 400
    assert api.get(path, headers={"If-Modified-Since": after}).status_code == 304
    assert api.get(path, headers={"If-Modified-Since": before}).status_code == 200


def test_a_converted_lead_cannot_be_changed_but_read(api):
    lead, contact = api.lead(), api.contact()
    marked = api.control(
        "act/edit",
        {"object": "Lead", "id": lead, "fields": {"IsConverted": True, "ConvertedContactId": contact}},
    )
    assert marked.status_code == 200
    refused = api.patch(f"sobjects/Lead/{lead}", {"Title": "CTO"})
    assert error_of(refused) == (400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
    told = api.read(lead, "IsConverted,Status,ConvertedContactId")
    assert told == {"IsConverted": True, "Status": "Closed - Converted", "ConvertedContactId": contact}


def test_fields_hidden_by_field_level_security_do_not_exist(api):
    api.fault(consent_fields="hidden")
    refused = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "HasOptedOutOfEmail": True})
    assert error_of(refused)[:2] == (400, "INVALID_FIELD")
    assert api.query("SELECT DoNotCall FROM Lead").json()[0]["errorCode"] == "INVALID_FIELD"
    names = [field["name"] for field in api.get("sobjects/Lead/describe").json()["fields"]]
    assert "HasOptedOutOfEmail" not in names
