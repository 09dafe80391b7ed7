"""Batch upserts: by address all rows or none, by a custom key each row alone."""

from __future__ import annotations

import pytest
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInputUpsert,
    SimplePublicObjectBatchInputUpsert,
)

UPSERT = "/crm/v3/objects/contacts/batch/upsert"


def row(key: str, trace: str | None = None, *, by: str = "email", **properties: str) -> dict[str, object]:
    told: dict[str, object] = {"id": key, "idProperty": by, "properties": properties}
    return told | ({"objectWriteTraceId": trace} if trace else {})


def test_an_upsert_tells_which_rows_are_new(account):
    known = account.contact(email="a@example.com", city="York")
    rows = [
        SimplePublicObjectBatchInputUpsert(
            id=f"{name}@Example.com",
            id_property="email",
            object_write_trace_id=name,
            properties={"city": "Leeds"},
        )
        for name in "ab"
    ]
    done = account.client.crm.contacts.batch_api.upsert(
        BatchInputSimplePublicObjectBatchInputUpsert(inputs=rows)
    )
    assert [(one.object_write_trace_id, one.new) for one in done.results] == [("a", False), ("b", True)]
    assert done.results[0].id == known
    assert account.stored(known)["city"] == "Leeds"
    assert account.stored(done.results[1].id)["email"] == "b@example.com"


def test_a_changed_row_tells_the_key_it_was_sent_with(account):
    account.contact(email="a@example.com")
    told = account.call(
        "POST", UPSERT, {"inputs": [row("A@Example.com", email="A@Example.com", city="Leeds")]}
    )
    [changed] = told.json()["results"]
    assert (changed["new"], changed["properties"]["email"]) == (False, "a@example.com")


def test_an_upsert_answers_200_also_where_it_creates(account):
    assert account.call("POST", UPSERT, {"inputs": [row("a@example.com")]}).status_code == 200


def test_a_secondary_address_finds_its_contact_and_stays_secondary(account):
    contact = account.contact(email="a@example.com", hs_additional_emails="b@example.com")
    told = account.call(
        "POST", UPSERT, {"inputs": [row("B@example.com", city="Leeds", email="b@example.com")]}
    )
    assert (told.status_code, told.json()["results"][0]["id"]) == (200, contact)
    assert account.stored(contact)["email"] == "a@example.com"


def test_by_address_one_bad_row_fails_all(account):
    rows = [row("a@example.com", "t1"), row("b@example.com", "t2", shoe_size="9")]
    refused = account.call("POST", UPSERT, {"inputs": rows})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "PROPERTY_DOESNT_EXIST")
    assert account.control("stats")["records"]["contacts"] == 0


def test_by_a_custom_key_each_row_stands_alone(account):
    rows = [row("lr-1", "t1", by="leadrelay_id"), row("lr-2", "t2", by="leadrelay_id", shoe_size="9")]
    told = account.call("POST", UPSERT, {"inputs": rows})
    body = told.json()
    assert (told.status_code, body["numErrors"]) == (207, 1)
    assert body["errors"][0]["context"] == {"objectWriteTraceId": ["t2"]}
    [made] = body["results"]
    assert (made["new"], made["properties"]["leadrelay_id"]) == (True, "lr-1")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("x", by="city")], "Unable to perform update/upsert by non-unique 0-1 property city"),
        (
            [row("a@example.com"), row("A@example.com")],
            "Duplicate IDs found in batch input: [a@example.com]. IDs must be unique",
        ),
    ],
)
def test_rows_that_cannot_be_told_apart_are_400(account, rows, message):
    refused = account.call("POST", UPSERT, {"inputs": rows})
    assert (refused.status_code, refused.json()["message"]) == (400, message)


def test_companies_are_upserted_by_a_custom_unique_property(account):
    path = "/crm/objects/2026-09/companies/batch/upsert"
    rows = [{"id": "lr-7", "idProperty": "leadrelay_id", "properties": {"name": "ACME"}}]
    first, second = (account.call("POST", path, {"inputs": rows}).json()["results"][0] for _ in range(2))
    assert (first["new"], second["new"], first["id"]) == (True, False, second["id"])
