"""hubspot-api-client, record by record: create, read, update, archive, merge, erase."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hubspot.crm.contacts import (
    PublicGdprDeleteInput,
    PublicMergeInput,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)

from tests.sandbox.operations import operation

WHOLE_LIFE = "create 201, update 200, read 200, archive 204, then 404"


@pytest.fixture
def contacts(account):
    return account.strict.crm.contacts


@pytest.fixture
def lives(account, raises_status):
    """The whole life of a record of a type."""

    def run(api, properties, changed, associations=()):
        sent = {"properties": properties, "associations": list(associations)}
        made = api.create(sent)
        assert made.properties.items() >= properties.items()
        [(name, value)] = changed.items()
        assert api.update(made.id, {"properties": changed}).properties[name] == value
        assert api.get_by_id(made.id, properties=[name]).properties[name] == value
        assert api.archive(made.id) is None
        raises_status(404, api.get_by_id, made.id)

    return run


@operation("contacts", "crm.contacts.basic_api.create", "201: the record, its id and values as text")
def test_create(contacts):
    sent = SimplePublicObjectInputForCreate(
        properties={"email": "ada@example.com", "firstname": "Ada"}, associations=[]
    )
    made, status, _ = contacts.basic_api.create_with_http_info(sent)
    assert status == 201
    assert re.fullmatch(r"\d+", made.id)
    assert (made.properties["firstname"], made.properties["hs_object_id"]) == ("Ada", made.id)
    assert (made.archived, abs(made.created_at - datetime.now(UTC)) < timedelta(minutes=1)) == (False, True)


@operation("contacts", "crm.contacts.basic_api.get_by_id", "200: the properties asked for, null where unset")
def test_get_by_id(account, contacts):
    made = account.contact(email="ada@example.com")
    told = contacts.basic_api.get_by_id(made, properties=["email", "city", "no_such_property"]).properties
    assert (told["email"], told["city"]) == ("ada@example.com", None)
    assert "no_such_property" not in told


@operation("contacts", "crm.contacts.basic_api.get_by_id(id_property)", "200: found by e-mail address")
def test_get_by_email(account, contacts):
    made = account.contact(email="ada@example.com")
    assert contacts.basic_api.get_by_id("Ada@example.com", id_property="email").id == made


@operation(
    "contacts",
    "crm.contacts.basic_api.get_by_id(properties_with_history)",
    "200: earlier values, newest first",
)
def test_history(account, contacts):
    made = account.contact(email="ada@example.com", city="York")
    contacts.basic_api.update(made, SimplePublicObjectInput(properties={"city": "Leeds"}))
    told = contacts.basic_api.get_by_id(made, properties_with_history=["city"])
    assert [one.value for one in told.properties_with_history["city"]] == ["Leeds", "York"]


@operation("contacts", "crm.contacts.basic_api.get_by_id(associations)", "200: the ids and types associated")
def test_associations_of_a_read(account, contacts):
    company = account.make("companies", name="ACME")
    made = account.make("contacts", (company, 279), email="ada@example.com")
    told = contacts.basic_api.get_by_id(made, associations=["companies"])
    [found] = told.associations["companies"].results
    assert (found.id, found.type) == (company, "contact_to_company_unlabeled")


@operation("contacts", "crm.contacts.basic_api.get_page", "200: pages by limit and after")
def test_get_page(account, contacts):
    ids = [account.contact(email=f"{name}@example.com") for name in "abc"]
    first = contacts.basic_api.get_page(limit=2)
    second = contacts.basic_api.get_page(limit=2, after=first.paging.next.after)
    assert [one.id for one in (*first.results, *second.results)] == ids
    assert second.paging is None


@operation("contacts", "crm.contacts.get_all", "200: every page of 100, one after the other")
def test_get_all(account, contacts):
    rows = [{"properties": {"email": f"{number}@example.com"}} for number in range(101)]
    for part in (rows[:100], rows[100:]):
        account.call("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": part})
    assert len(contacts.get_all()) == 101
    assert account.control("stats")["calls"]["GET /crm/v3/objects/contacts"] == 2


@operation("contacts", "crm.contacts.basic_api.update", "200: the changed properties; an empty text clears")
def test_update(account, contacts):
    made = account.contact(email="ada@example.com", city="York", phone="1")
    sent = SimplePublicObjectInput(properties={"city": "Leeds", "phone": ""})
    told = contacts.basic_api.update(made, sent)
    assert (told.id, told.properties["city"]) == (made, "Leeds")
    assert not contacts.basic_api.get_by_id(made, properties=["phone"]).properties["phone"]


@operation("contacts", "crm.contacts.basic_api.update(id_property)", "200: the contact with that address")
def test_update_by_email(account, contacts):
    made = account.contact(email="ada@example.com")
    sent = SimplePublicObjectInput(properties={"city": "Leeds"})
    assert contacts.basic_api.update("ada@example.com", sent, id_property="email").id == made


@operation(
    "contacts",
    "crm.contacts.basic_api.update(lifecyclestage)",
    "forward only: an earlier stage is kept out until the stage is cleared",
)
def test_lifecycle(account, contacts):
    made = account.contact(email="ada@example.com", lifecyclestage="customer")
    for stage, kept in (("lead", "customer"), ("", None), ("lead", "lead")):
        contacts.basic_api.update(made, {"properties": {"lifecyclestage": stage}})
        told = contacts.basic_api.get_by_id(made, properties=["lifecyclestage"]).properties
        assert (told["lifecyclestage"] or None) == kept


@operation(
    "contacts",
    "crm.contacts.basic_api.archive",
    "204, also a second time; then 404, and the record among the archived",
)
def test_archive(account, contacts, raises_status):
    made = account.contact(email="ada@example.com")
    for _ in range(2):
        assert contacts.basic_api.archive_with_http_info(made)[1] == 204
    raises_status(404, contacts.basic_api.get_by_id, made)
    [gone] = contacts.basic_api.get_page(archived=True).results
    assert (gone.id, gone.archived) == (made, True)


@operation("contacts", "crm.contacts.basic_api.merge", "200: a new id, to which both old ids lead")
def test_merge(account, contacts):
    ids = [account.contact(email=f"{name}@example.com") for name in "ab"]
    asked = PublicMergeInput(primary_object_id=ids[0], object_id_to_merge=ids[1])
    made = contacts.basic_api.merge(asked)
    assert made.id not in ids
    told = [contacts.basic_api.get_by_id(old, properties=["hs_merged_object_ids"]) for old in ids]
    assert [one.id for one in told] == [made.id, made.id]
    assert told[0].properties["hs_merged_object_ids"] == ";".join(ids)


@operation("contacts", "crm.contacts.basic_api.purge", "204: gone for good, not among the archived either")
def test_purge(account, contacts, raises_status):
    made = account.contact(email="ada@example.com")
    asked = PublicGdprDeleteInput(object_id="ada@example.com", id_property="email")
    assert contacts.basic_api.purge_with_http_info(asked)[1] == 204
    raises_status(404, contacts.basic_api.get_by_id, made)
    assert contacts.basic_api.get_page(archived=True).results == []


@operation("companies", "crm.companies.basic_api", WHOLE_LIFE)
def test_companies(account, lives):
    api = account.strict.crm.companies.basic_api
    lives(api, {"name": "ACME", "domain": "acme.example"}, {"city": "Leeds"})


@operation("companies", "crm.companies.basic_api.create of a known domain", "201: domains are not unique")
def test_a_second_company_of_a_domain(account):
    api = account.strict.crm.companies.basic_api
    first, second = (
        api.create({"properties": {"domain": "acme.example"}, "associations": []}) for _ in range(2)
    )
    assert first.id != second.id


@operation("deals", "crm.deals.basic_api", WHOLE_LIFE)
def test_deals(account, lives):
    deal = {"dealname": "Engines", "pipeline": "default", "dealstage": "appointmentscheduled"}
    lives(account.strict.crm.deals.basic_api, deal, {"amount": "1200"})


@operation("deals", "crm.deals.basic_api.create with an unknown stage", "400 VALIDATION_ERROR")
def test_a_deal_needs_a_stage_of_its_pipeline(account, raises_status):
    sent = {"properties": {"dealname": "x", "pipeline": "default", "dealstage": "nope"}, "associations": []}
    error = raises_status(400, account.strict.crm.deals.basic_api.create, sent)
    assert '"category":"VALIDATION_ERROR"' in error.body.replace(" ", "")


def to(record_id, type_id):
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    return {"to": {"id": record_id}, "types": [spec]}


@operation("tasks", "crm.objects.tasks.basic_api", f"with a contact: {WHOLE_LIFE}")
def test_tasks(account, lives):
    due = "2026-11-21T09:00:00.000Z"
    task = {"hs_timestamp": due, "hs_task_subject": "Call", "hs_task_status": "NOT_STARTED"}
    contact = account.contact(email="ada@example.com")
    api = account.strict.crm.objects.tasks.basic_api
    lives(api, task, {"hs_task_status": "COMPLETED"}, [to(contact, 204)])


@operation("tasks", "crm.objects.tasks.basic_api.create without hs_timestamp", "400 VALIDATION_ERROR")
def test_a_task_is_due_some_time(account, raises_status):
    sent = {"properties": {"hs_task_subject": "Call"}, "associations": []}
    error = raises_status(400, account.strict.crm.objects.tasks.basic_api.create, sent)
    assert "hs_timestamp" in error.body


DUE = {"hs_timestamp": "2026-11-21T09:00:00.000Z"}
CALL, MAIL = {"hs_call_title": "Ada"}, {"hs_email_direction": "EMAIL", "hs_email_subject": "Ada"}


@operation(
    "activities", "crm.objects.{notes,calls,meetings,emails}.basic_api", f"with a contact: {WHOLE_LIFE}"
)
def test_activities(account, lives):
    contact, objects = account.contact(email="ada@example.com"), account.strict.crm.objects
    lives(objects.notes.basic_api, DUE | {"hs_note_body": "x"}, {"hs_note_body": "y"}, [to(contact, 202)])
    lives(objects.calls.basic_api, DUE | CALL, {"hs_call_title": "y"}, [to(contact, 194)])
    lives(objects.meetings.basic_api, DUE, {"hs_meeting_title": "y"}, [to(contact, 200)])
    lives(objects.emails.basic_api, DUE | MAIL, {"hs_email_subject": "y"}, [to(contact, 198)])


@operation("tickets", "crm.tickets.basic_api", WHOLE_LIFE)
def test_tickets(account, lives):
    ticket = {"subject": "Help", "hs_pipeline": "0", "hs_pipeline_stage": "1"}
    lives(account.strict.crm.tickets.basic_api, ticket, {"content": "x"})


@operation("leads", "crm.objects.leads.basic_api", f"with a contact: {WHOLE_LIFE}")
def test_leads(account, lives):
    contact = account.contact(email="ada@example.com")
    api = account.strict.crm.objects.leads.basic_api
    lives(api, {"hs_lead_name": "Ada"}, {"hs_lead_label": "HOT"}, [to(contact, 578)])


@operation("leads", "crm.objects.leads.basic_api.create without a contact", "400")
def test_a_lead_needs_a_contact(account, raises_status):
    sent = {"properties": {"hs_lead_name": "Ada"}, "associations": []}
    error = raises_status(400, account.strict.crm.objects.leads.basic_api.create, sent)
    assert '"status":"error"' in error.body.replace(" ", "")


@operation("leads", 'crm.objects.basic_api.create("0-136")', "201: an object by its type id")
def test_an_object_by_its_type_id(account):
    contact = account.contact(email="ada@example.com")
    sent = {"properties": {"hs_lead_name": "Ada"}, "associations": [to(contact, 578)]}
    made = account.strict.crm.objects.basic_api.create("0-136", sent)
    assert account.stored(made.id, "leads")["hs_lead_name"] == "Ada"
