"""One contact at a time: what HubSpot keeps, refuses, and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hubspot.crm.contacts import SimplePublicObjectInput, SimplePublicObjectInputForCreate

CONTACTS = "/crm/v3/objects/contacts"


def new(**properties: str) -> SimplePublicObjectInputForCreate:
    return SimplePublicObjectInputForCreate(properties=properties, associations=[])


def test_create_read_update_archive_through_the_vendors_client(account, raises_status):
    api = account.client.crm.contacts.basic_api
    made = api.create(new(email="ada@example.com", firstname="Ada"))
    assert made.properties["email"] == "ada@example.com"
    assert made.created_at == made.updated_at
    changed = api.update(made.id, SimplePublicObjectInput(properties={"company": "Analytical Engines"}))
    assert changed.properties["company"] == "Analytical Engines"
    assert changed.updated_at > made.updated_at
    read = api.get_by_id(made.id, properties=["company", "phone"])
    assert (read.properties["company"], read.properties["phone"]) == ("Analytical Engines", None)
    api.archive(made.id)
    assert raises_status(404, api.get_by_id, made.id).status == 404
    assert api.get_by_id(made.id, archived=True).archived is True


def test_create_answers_201_with_every_set_property_as_a_string(account):
    made = account.call("POST", CONTACTS, {"properties": {"email": "a@example.com", "leadrelay_score": 42}})
    told = made.json()
    assert made.status_code == 201
    assert told["id"] == told["properties"]["hs_object_id"]
    assert told["properties"]["leadrelay_score"] == "42"
    assert told["properties"]["createdate"] == told["properties"]["lastmodifieddate"] == told["createdAt"]
    assert told["createdAt"].endswith("Z")
    assert told["archived"] is False


def test_update_answers_what_was_written_and_what_hubspot_keeps(account):
    contact = account.contact(email="a@example.com", lifecyclestage="lead")
    told = account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"city": "Leeds"}}).json()
    assert set(told["properties"]) == {
        "city",
        "createdate",
        "hs_object_id",
        "lastmodifieddate",
        "lifecyclestage",
    }


def test_read_without_names_gives_the_six_default_properties(account):
    contact = account.contact(email="a@example.com", company="ACME")
    told = account.call("GET", f"{CONTACTS}/{contact}").json()["properties"]
    assert set(told) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert told["firstname"] is None


def test_unknown_names_are_left_out_of_a_read(account):
    contact = account.contact(email="a@example.com")
    told = account.call("GET", f"{CONTACTS}/{contact}", properties="phone,nonsense").json()["properties"]
    assert told["phone"] is None
    assert "nonsense" not in told


@pytest.mark.parametrize("names", [["phone,city"], ["phone", "city"], ["phone, city"]])
def test_names_come_repeated_or_as_a_comma_list(account, names):
    contact = account.contact(email="a@example.com", phone="1", city="Leeds")
    told = account.call("GET", f"{CONTACTS}/{contact}", properties=names).json()["properties"]
    assert (told["phone"], told["city"]) == ("1", "Leeds")


def test_an_empty_string_clears_a_value(account):
    contact = account.contact(email="a@example.com", phone="1")
    account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"phone": ""}})
    assert (
        account.call("GET", f"{CONTACTS}/{contact}", properties="phone").json()["properties"]["phone"] is None
    )
    assert account.history(contact)[-1]["changes"] == {"phone": ["1", None]}


def test_contacts_are_found_by_email_in_any_case_and_by_a_unique_property(account):
    contact = account.contact(
        email="Ada@Example.com", leadrelay_id="lr-1", hs_additional_emails="ada@home.example"
    )
    api = account.client.crm.contacts.basic_api
    for value, by in (("ADA@example.com", "email"), ("ada@home.example", "email"), ("lr-1", "leadrelay_id")):
        assert api.get_by_id(value, id_property=by).id == contact
    assert account.stored(contact)["email"] == "ada@example.com"


def test_single_update_takes_an_id_property(account):
    contact = account.contact(email="a@example.com")
    api = account.client.crm.contacts.basic_api
    changed = api.update(
        "a@example.com", SimplePublicObjectInput(properties={"city": "Leeds"}), id_property="email"
    )
    assert changed.id == contact


def test_finding_by_a_property_that_is_not_unique_is_400(account):
    assert account.call("GET", f"{CONTACTS}/x", idProperty="city").status_code == 400


def test_history_of_a_property_newest_first_with_its_source(account):
    contact = account.contact(email="a@example.com", company="Old")
    account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"company": "New"}})
    account.control(
        "act/edit",
        {
            "object": "contacts",
            "id": contact,
            "fields": {"company": "By hand"},
            "by": "mei.tanaka@northlight.example",
        },
    )
    api = account.client.crm.contacts.basic_api
    versions = api.get_by_id(contact, properties_with_history=["company"]).properties_with_history["company"]
    assert [version.value for version in versions] == ["By hand", "New", "Old"]
    assert [version.source_type for version in versions] == ["CRM_UI", "INTEGRATION", "INTEGRATION"]
    assert versions[0].source_id == "userId:81007"


def test_an_address_in_use_is_409_with_the_existing_id(account, raises_status):
    contact = account.contact(email="a@example.com", hs_additional_emails="b@example.com")
    api = account.client.crm.contacts.basic_api
    for taken in ("A@Example.com", "b@example.com"):
        body = json.loads(raises_status(409, api.create, new(email=taken)).body)
        assert body["message"] == f"Contact already exists. Existing ID: {contact}"
        assert body["category"] == "CONFLICT"
        assert body["status"] == "error"
    other = account.contact(email="c@example.com")
    assert (
        account.call("PATCH", f"{CONTACTS}/{other}", {"properties": {"email": "a@example.com"}}).status_code
        == 409
    )
    assert account.stored(other)["email"] == "c@example.com"


def test_a_custom_unique_value_in_use_is_400(account):
    contact = account.contact(email="a@example.com", leadrelay_id="lr-1")
    body = {"properties": {"email": "b@example.com", "leadrelay_id": "lr-1"}}
    refused = account.call("POST", CONTACTS, body)
    assert refused.status_code == 400
    assert refused.json()["category"] == "VALIDATION_ERROR"
    assert refused.json()["message"].endswith(f"{contact} already has that value.")


def test_an_archived_contact_frees_its_address(account):
    contact = account.contact(email="a@example.com")
    assert account.call("DELETE", f"{CONTACTS}/{contact}").status_code == 204
    assert account.contact(email="a@example.com") != contact


@pytest.mark.parametrize(
    ("name", "value", "code", "message"),
    [
        ("shoe_size", "9", "PROPERTY_DOESNT_EXIST", 'Property "shoe_size" does not exist'),
        ("email", "ada@", "INVALID_EMAIL", "Email address ada@ is invalid"),
        ("leadrelay_score", "high", "INVALID_INTEGER", "high was not a valid integer."),
        ("first_touch_at", "noon", "INVALID_LONG", "noon was not a valid long."),
        ("hubspot_owner_id", "81001", "INVALID_OWNER_ID", "81001 was not a valid owner ID"),
        ("hubspot_owner_id", "71009", "INVALID_OWNER_ID", "71009 was not a valid owner ID"),
        (
            "createdate",
            "2026-01-01T00:00:00Z",
            "READ_ONLY_VALUE",
            '"createdate" is a read only property; its value cannot be set.',
        ),
        (
            "lifecyclestage",
            "mql",
            "INVALID_OPTION",
            "mql was not one of the allowed options: [subscriber, lead, marketingqualifiedlead, "
            "salesqualifiedlead, opportunity, customer, evangelist, other]",
        ),
    ],
)
def test_a_value_hubspot_does_not_take_is_400_and_writes_nothing(account, name, value, code, message):
    refused = account.call("POST", CONTACTS, {"properties": {"firstname": "Ada", name: value}})
    body = refused.json()
    assert (refused.status_code, body["category"], body["status"]) == (400, "VALIDATION_ERROR", "error")
    assert body["errors"] == [{"message": message, "code": code, "context": {"propertyName": [name]}}]
    prefix, _, nested = body["message"].partition(": ")
    assert prefix == "Property values were not valid"
    [problem] = json.loads(nested)
    assert (problem["isValid"], problem["error"], problem["name"]) == (False, code, name)
    assert body["correlationId"] == refused.headers["X-HubSpot-Correlation-Id"]
    assert account.control("stats")["records"]["contacts"] == 0


def test_all_bad_values_are_told_at_once(account):
    refused = account.call("POST", CONTACTS, {"properties": {"a": "1", "b": "2"}})
    assert [error["context"]["propertyName"] for error in refused.json()["errors"]] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-21T10:00:00+02:00", "2026-11-21T08:00:00.000Z"),
        ("1763712000000", "2025-11-21T08:00:00.000Z"),
        (1763712000000, "2025-11-21T08:00:00.000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
    ],
)
def test_times_are_kept_in_utc_milliseconds(account, sent, kept):
    assert account.stored(account.contact(first_touch_at=sent))["first_touch_at"] == kept


def test_a_stage_moves_forward_only_and_nothing_says_so(account):
    contact = account.contact(email="a@example.com", lifecyclestage="customer")
    answer = account.call(
        "PATCH", f"{CONTACTS}/{contact}", {"properties": {"lifecyclestage": "lead", "city": "Leeds"}}
    )
    assert (answer.status_code, answer.json()["properties"]["lifecyclestage"]) == (200, "customer")
    assert account.history(contact)[-1]["changes"] == {"city": [None, "Leeds"]}


def test_a_stage_goes_back_by_clearing_it_first(account):
    contact = account.contact(email="a@example.com", lifecyclestage="customer")
    for stage in ("", "lead"):
        account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"lifecyclestage": stage}})
    assert account.stored(contact)["lifecyclestage"] == "lead"


def test_a_person_sets_a_stage_back_in_the_pages(account):
    contact = account.contact(email="a@example.com", lifecyclestage="customer")
    account.control("act/edit", {"object": "contacts", "id": contact, "fields": {"lifecyclestage": "lead"}})
    assert account.stored(contact)["lifecyclestage"] == "lead"


def test_a_write_that_changes_nothing_is_in_the_history_and_not_in_the_modified_date(account):
    contact = account.contact(email="a@example.com", city="Leeds")
    before = account.stored(contact)["lastmodifieddate"]
    assert (
        account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"city": "Leeds"}}).status_code == 200
    )
    assert account.history(contact)[-1]["changes"] == {}
    assert account.stored(contact)["lastmodifieddate"] == before


def test_the_modified_date_follows_the_clock(account):
    contact = account.contact(email="a@example.com")
    account.control("clock", {"now": "2030-05-01T12:00:00Z", "frozen": True})
    account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"city": "Leeds"}})
    read = account.client.crm.contacts.basic_api.get_by_id(contact)
    assert read.updated_at.astimezone(UTC) == datetime(2030, 5, 1, 12, tzinfo=UTC)


def test_an_account_may_give_new_contacts_a_stage(account):
    account.control("faults", {"new_contact_stage": "lead"})
    assert account.stored(account.contact(email="a@example.com"))["lifecyclestage"] == "lead"
    assert (
        account.stored(account.contact(email="b@example.com", lifecyclestage="other"))["lifecyclestage"]
        == "other"
    )


def test_a_list_is_paged_by_the_last_id_and_ends_without_paging(account):
    ids = [account.contact(email=f"p{number}@example.com") for number in range(12)]
    first = account.call("GET", CONTACTS).json()
    assert [row["id"] for row in first["results"]] == ids[:10]
    rest = account.call("GET", CONTACTS, after=first["paging"]["next"]["after"]).json()
    assert [row["id"] for row in rest["results"]] == ids[10:]
    assert "paging" not in rest
    linked = account.session.get(first["paging"]["next"]["link"], timeout=60).json()
    assert linked["results"] == rest["results"]


def test_the_vendors_client_gets_all_pages(account):
    ids = [account.contact(email=f"p{number}@example.com") for number in range(3)]
    account.call("DELETE", f"{CONTACTS}/{ids[0]}")
    assert [row.id for row in account.client.crm.contacts.get_all()] == ids[1:]
    archived = account.client.crm.contacts.basic_api.get_page(archived=True)
    assert [row.id for row in archived.results] == ids[:1]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 101},
        {"limit": 0},
        {"limit": "x"},
        {"limit": 51, "propertiesWithHistory": "city"},
        {"after": "9"},
    ],
)
def test_a_page_that_cannot_be_is_400(account, query):
    assert account.call("GET", CONTACTS, **query).status_code == 400


@pytest.mark.parametrize("body", [[], {}, {"properties": []}])
def test_a_body_of_another_shape_is_400(account, body):
    assert account.call("POST", CONTACTS, body).status_code == 400


def test_deleting_what_is_not_there_is_204(account):
    assert account.call("DELETE", f"{CONTACTS}/999").status_code == 204


def test_a_person_is_refused_as_by_the_api(account):
    refused = account.control("act/create", {"object": "contacts", "fields": {"email": "nobody"}})
    assert refused["code"] == "hubspot_refuses"
