"""The other object types: one engine, with what sets each apart."""

from __future__ import annotations

import pytest
from hubspot.crm.objects.leads import SimplePublicObjectInputForCreate

NOON = "2026-11-21T12:00:00.000Z"
# kind: (type id, least properties of a new one, what a read answers that names nothing)
KINDS = {
    "companies": ("0-2", {"name": "ACME"}, {"createdate", "domain", "name"}),
    "deals": (
        "0-3",
        {"dealname": "Big", "dealstage": "contractsent"},
        {"amount", "closedate", "createdate", "dealname", "dealstage", "pipeline"},
    ),
    "tickets": (
        "0-5",
        {"subject": "Help", "hs_pipeline_stage": "1"},
        {
            "content",
            "createdate",
            "hs_pipeline",
            "hs_pipeline_stage",
            "hs_ticket_category",
            "hs_ticket_priority",
            "subject",
        },
    ),
    "tasks": ("0-27", {"hs_timestamp": NOON}, {"hs_createdate"}),
    "notes": ("0-46", {"hs_timestamp": NOON}, {"hs_createdate"}),
    "calls": ("0-48", {"hs_timestamp": NOON}, {"hs_createdate"}),
    "emails": ("0-49", {"hs_timestamp": NOON, "hs_email_direction": "EMAIL"}, {"hs_createdate"}),
    "meetings": ("0-47", {"hs_timestamp": NOON}, {"hs_createdate"}),
    "communications": (
        "0-18",
        {"hs_timestamp": NOON, "hs_communication_channel_type": "SMS"},
        {"hs_createdate"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", ["/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09"])
def test_every_type_answers_by_name_and_type_id_on_every_path_scheme(account, kind, base):
    type_id, properties, _ = KINDS[kind]
    made = account.call("POST", f"{base}/{type_id}", {"properties": properties})
    assert made.status_code == 201
    record = made.json()["id"]
    assert account.call("GET", f"{base}/{kind}/{record}").json()["id"] == record
    batch = account.call("POST", f"{base}/{kind}/batch/read", {"inputs": [{"id": record}], "properties": []})
    assert (batch.status_code, batch.json()["results"][0]["id"]) == (200, record)
    changed = account.call("PATCH", f"{base}/{type_id}/{record}", {"properties": properties})
    assert (changed.status_code, account.call("DELETE", f"{base}/{kind}/{record}").status_code) == (200, 204)
    assert account.call("GET", f"{base}/{kind}/{record}").status_code == 404
    assert account.call("GET", f"{base}/{kind}", archived="true").json()["results"][0]["id"] == record
    assert account.call("GET", f"/crm/v3/properties/{kind}").json()["results"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_without_names_gives_the_types_own_defaults(account, kind):
    _, properties, shown = KINDS[kind]
    record = account.make(kind, **properties)
    assert set(account.read(kind, record)) == shown | {"hs_lastmodifieddate", "hs_object_id"}


@pytest.mark.parametrize(
    ("kind", "properties", "missing"),
    [
        ("companies", {"city": "Leeds"}, ["name"]),
        ("deals", {"amount": "5"}, ["dealname", "dealstage"]),
        ("tickets", {"content": "x"}, ["subject", "hs_pipeline_stage"]),
        ("tasks", {"hs_task_subject": "Call"}, ["hs_timestamp"]),
        ("notes", {}, ["hs_timestamp"]),
        ("emails", {"hs_timestamp": NOON}, ["hs_email_direction"]),
        ("leads", {"hs_lead_label": "HOT"}, ["hs_lead_name"]),
    ],
)
def test_what_a_new_record_lacks_is_400_and_named(account, kind, properties, missing):
    refused = account.call("POST", f"/crm/v3/objects/{kind}", {"properties": properties})
    body = refused.json()
    assert (refused.status_code, body["category"]) == (400, "VALIDATION_ERROR")
    assert body["message"].startswith("Error creating ")
    assert body["message"].endswith("Some required properties were not set.")
    assert body["context"] == {"properties": missing}
    batch = account.call(
        "POST", f"/crm/v3/objects/{kind}/batch/create", {"inputs": [{"properties": properties}]}
    )
    assert (batch.status_code, batch.json()["context"]) == (400, {"properties": missing})


def test_a_company_needs_a_name_or_a_domain_and_domains_are_not_unique(account):
    for _ in range(2):
        account.make("companies", domain="acme.example")
    assert account.control("stats")["records"]["companies"] == 2


def test_a_lead_needs_a_contact_that_exists(account):
    alone = account.call("POST", "/crm/v3/objects/leads", {"properties": {"hs_lead_name": "Ada"}})
    assert (alone.status_code, alone.json()["category"]) == (400, "VALIDATION_ERROR")
    to_nobody = [
        {"to": {"id": "999"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 578}]}
    ]
    refused = account.call(
        "POST", "/crm/v3/objects/leads", {"properties": {"hs_lead_name": "Ada"}, "associations": to_nobody}
    )
    assert refused.status_code == 400
    assert refused.json()["message"] == "One or more associations are invalid"
    assert refused.json()["context"]["INVALID_OBJECT_IDS"] == ["CONTACT=999 is not valid"]
    assert account.control("stats")["records"]["leads"] == 0


def test_a_lead_starts_in_the_first_stage_of_its_pipeline(account):
    contact = account.contact(email="ada@example.com")
    to = [
        {
            "to": {"id": contact},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 578}],
        }
    ]
    made = account.client.crm.objects.leads.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"hs_lead_name": "Ada"}, associations=to)
    )
    kept = account.stored(made.id, "leads")
    assert (kept["hs_pipeline"], kept["hs_pipeline_stage"]) == ("lead-pipeline-id", "new-stage-id")
    read = account.call("GET", f"/crm/v3/objects/leads/{made.id}", associations="contacts").json()
    assert read["associations"]["contacts"]["results"] == [
        {"id": contact, "type": "lead_to_contact_unlabeled"},
        {"id": contact, "type": "lead_to_contact"},
    ]


def test_a_type_that_does_not_lead_from_the_object_is_400(account):
    contact = account.contact(email="ada@example.com")
    wrong = [
        {"to": {"id": contact}, "types": [{"associationCategory": "USER_DEFINED", "associationTypeId": 3}]}
    ]
    refused = account.call(
        "POST", "/crm/v3/objects/companies", {"properties": {"name": "ACME"}, "associations": wrong}
    )
    assert refused.status_code == 400
    assert refused.json()["context"] == {
        "associationSpec": ["USER_DEFINED=3"],
        "INVALID_ASSOCIATION_TYPE_ID": ["USER_DEFINED=3 is not a valid association definition id"],
    }


def test_associations_are_read_with_a_record_and_with_a_page(account):
    company = account.make("companies", name="ACME")
    contact = account.make("contacts", (company, 1), email="ada@example.com")
    deal = account.make("deals", (contact, 3), dealname="Big", dealstage="closedwon")
    wanted = {
        "companies": {
            "results": [
                {"id": company, "type": "contact_to_company_unlabeled"},
                {"id": company, "type": "contact_to_company"},
            ]
        },
        "deals": {"results": [{"id": deal, "type": "contact_to_deal"}]},
    }
    one = account.call(
        "GET", f"/crm/v3/objects/contacts/{contact}", associations="companies,0-3,tickets"
    ).json()
    assert one["associations"] == wanted
    [row] = account.call("GET", "/crm/v3/objects/contacts", associations=["companies", "deals"]).json()[
        "results"
    ]
    assert row["associations"] == wanted
    account.call("DELETE", f"/crm/v3/objects/companies/{company}")
    one = account.call("GET", f"/crm/v3/objects/contacts/{contact}", associations="companies").json()
    assert "associations" not in one


def test_activities_ignore_unknown_and_read_only_properties_on_update_only(account):
    task = account.make("tasks", hs_timestamp=NOON)
    sent = {"properties": {"shoe_size": "9", "hs_createdate": NOON, "hs_task_status": "COMPLETED"}}
    changed = account.call("PATCH", f"/crm/v3/objects/tasks/{task}", sent)
    assert (changed.status_code, changed.json()["properties"]["hs_task_status"]) == (200, "COMPLETED")
    assert "shoe_size" not in changed.json()["properties"]
    refused = account.call("POST", "/crm/v3/objects/tasks", sent)
    assert refused.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


def test_an_update_without_properties_is_400(account):
    contact = account.contact(email="a@example.com")
    refused = account.call("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {}})
    assert refused.status_code == 400
    assert refused.json()["message"] == "No properties found to update, please provide at least one."


def test_an_empty_batch_is_400(account):
    refused = account.call("POST", "/crm/v3/objects/contacts/batch/read", {"inputs": []})
    assert refused.status_code == 400
    assert refused.json()["message"] == "Batch input provided should have at least one object."


def test_a_deal_is_in_the_default_pipeline_and_its_stage_says_whether_it_is_won(account):
    deal = account.make("deals", dealname="Big", dealstage="contractsent")
    names = ("pipeline", "hs_is_closed", "hs_is_closed_won")
    told = account.read("deals", deal, *names)
    assert [told[name] for name in names] == ["default", "false", "false"]
    account.call("PATCH", f"/crm/v3/objects/deals/{deal}", {"properties": {"dealstage": "closedwon"}})
    told = account.read("deals", deal, *names)
    assert [told[name] for name in names] == ["default", "true", "true"]


@pytest.mark.parametrize(
    ("properties", "name"), [({"dealstage": "nowhere"}, "dealstage"), ({"pipeline": "p9"}, "pipeline")]
)
def test_a_stage_or_pipeline_that_is_not_there_is_400(account, properties, name):
    deal = account.make("deals", dealname="Big", dealstage="contractsent")
    refused = account.call("PATCH", f"/crm/v3/objects/deals/{deal}", {"properties": properties})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["context"] == {"propertyName": [name]}
    assert refused.json()["errors"][0]["code"] == "INVALID_OPTION"


def test_a_semicolon_in_front_adds_to_a_multiple_choice(account):
    ticket = account.make(
        "tickets", subject="Help", hs_pipeline_stage="1", hs_ticket_category="BILLING_ISSUE"
    )
    sent = {"properties": {"hs_ticket_category": ";PRODUCT_ISSUE"}}
    account.call("PATCH", f"/crm/v3/objects/tickets/{ticket}", sent)
    assert account.stored(ticket, "tickets")["hs_ticket_category"] == "BILLING_ISSUE;PRODUCT_ISSUE"


def test_an_archived_record_can_be_restored_by_a_person_for_90_days(account):
    contact = account.contact(email="a@example.com")
    account.call("DELETE", f"/crm/v3/objects/contacts/{contact}")
    assert account.act("restore", "contacts", contact).status_code == 200
    assert account.call("GET", f"/crm/v3/objects/contacts/{contact}").status_code == 200
    account.call("DELETE", f"/crm/v3/objects/contacts/{contact}")
    account.control("clock", {"advance": 91 * 86_400})
    assert account.act("restore", "contacts", contact).status_code == 404
    assert account.call("GET", f"/crm/v3/objects/contacts/{contact}", archived="true").status_code == 404


def test_a_record_whose_address_was_taken_meanwhile_cannot_be_restored(account):
    contact = account.contact(email="a@example.com")
    account.call("DELETE", f"/crm/v3/objects/contacts/{contact}")
    account.contact(email="a@example.com")
    assert account.act("restore", "contacts", contact).status_code == 409
