"""hubspot-api-client, a hundred records at a time, and what a 207 looks like to it."""

from __future__ import annotations

import json

import pytest
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    SimplePublicObjectBatchInput,
    SimplePublicObjectBatchInputForCreate,
    SimplePublicObjectBatchInputUpsert,
    SimplePublicObjectId,
)

from tests.sandbox.operations import operation


@pytest.fixture
def batch(account):
    return account.strict.crm.contacts.batch_api


@pytest.fixture
def lax(account):
    """Rows of a 207 lack the links that the models require, as in real traffic."""
    return account.client.crm.contacts.batch_api


def new(*emails, trace=False, **more):
    rows = [
        SimplePublicObjectBatchInputForCreate(
            properties={"email": email} | more.get(email[0], {}),
            associations=[],
            object_write_trace_id=email[0] if trace else None,
        )
        for email in emails
    ]
    return BatchInputSimplePublicObjectBatchInputForCreate(inputs=rows)


def keys(*emails, by="email", **properties):
    rows = [
        SimplePublicObjectBatchInputUpsert(id=email, id_property=by, properties=properties)
        for email in emails
    ]
    return BatchInputSimplePublicObjectBatchInputUpsert(inputs=rows)


@operation("batches", "crm.contacts.batch_api.create", "201 COMPLETE: a result for each input")
def test_create(batch):
    told, status, _ = batch.create_with_http_info(new("a@example.com", "b@example.com"))
    assert (status, told.status) == (201, "COMPLETE")
    assert sorted(one.properties["email"] for one in told.results) == ["a@example.com", "b@example.com"]


@operation(
    "batches",
    "crm.contacts.batch_api.create with trace ids",
    "207: what is good is made, errors name the trace ids",
)
def test_create_in_part(lax):
    sent = new("a@example.com", "b@example.com", trace=True, b={"no_such_property": "9"})
    told, status, _ = lax.create_with_http_info(sent)
    assert (status, told.status, told.num_errors) == (207, "COMPLETE", 1)
    assert [one.object_write_trace_id for one in told.results] == ["a"]
    [error] = told.errors
    assert (error.category, error.context) == ("VALIDATION_ERROR", {"objectWriteTraceId": ["b"]})


@operation(
    "batches",
    "crm.contacts.batch_api.create without trace ids",
    "400 for one bad row, and nothing is made",
)
def test_create_all_or_nothing(account, batch, raises_status):
    sent = new("a@example.com", "b@example.com", b={"no_such_property": "9"})
    raises_status(400, batch.create, sent)
    assert account.control("stats")["records"]["contacts"] == 0


@operation(
    "batches",
    "crm.contacts.batch_api.create of known addresses",
    "409: Contact already exists. Existing ID: the first one's",
)
def test_create_of_known(account, batch, raises_status):
    ids = [account.contact(email=f"{name}@example.com") for name in "ab"]
    error = raises_status(409, batch.create, new("c@example.com", "b@example.com", "a@example.com"))
    assert json.loads(error.body)["message"] == f"Contact already exists. Existing ID: {ids[1]}"


@operation("batches", "crm.contacts.batch_api.create of 101", "400 VALIDATION_ERROR: at most 100 inputs")
def test_create_of_too_many(batch, raises_status):
    error = raises_status(400, batch.create, new(*(f"{number}@example.com" for number in range(101))))
    assert json.loads(error.body)["category"] == "VALIDATION_ERROR"


@operation("batches", "crm.contacts.batch_api.read(id_property)", "200: found by e-mail address")
def test_read(account, batch):
    made = account.contact(email="a@example.com")
    asked = BatchReadInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id="a@example.com")], id_property="email",
        properties=["email"], properties_with_history=[],
    )  # fmt: skip
    told, status, _ = batch.read_with_http_info(asked)
    assert (status, [one.id for one in told.results]) == (200, [made])


@operation(
    "batches",
    "crm.contacts.batch_api.read of an unknown id",
    "207: the found ones, and an error with the ids that were not",
)
def test_read_in_part(account, lax):
    made = account.contact(email="a@example.com")
    asked = BatchReadInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id=one) for one in (made, "999")],
        properties=["email"], properties_with_history=[],
    )  # fmt: skip
    told, status, _ = lax.read_with_http_info(asked)
    assert (status, told.num_errors, [one.id for one in told.results]) == (207, 1, [made])
    assert (told.errors[0].category, told.errors[0].context) == ("OBJECT_NOT_FOUND", {"ids": ["999"]})


@operation("batches", "crm.contacts.batch_api.update", "200 COMPLETE")
def test_update(account, batch):
    made = account.contact(email="a@example.com")
    rows = [SimplePublicObjectBatchInput(id=made, properties={"city": "Leeds"})]
    told, status, _ = batch.update_with_http_info(BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert (status, told.status, told.results[0].properties["city"]) == (200, "COMPLETE", "Leeds")


@operation(
    "batches",
    "crm.contacts.batch_api.update of an unknown id",
    "207: the others change, an error with the id",
)
def test_update_in_part(account, lax):
    made = account.contact(email="a@example.com")
    rows = [SimplePublicObjectBatchInput(id=one, properties={"city": "Leeds"}) for one in (made, "999")]
    told, status, _ = lax.update_with_http_info(BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert (status, [one.id for one in told.results]) == (207, [made])
    assert told.errors[0].context == {"ids": ["999"]}


@operation("batches", "crm.contacts.batch_api.upsert by e-mail", "200: new says which were made")
def test_upsert(account, batch):
    known = account.contact(email="a@example.com")
    told, status, _ = batch.upsert_with_http_info(keys("a@example.com", "b@example.com", city="Leeds"))
    assert status == 200
    assert {one.properties["email"]: one.new for one in told.results} == {
        "a@example.com": False,
        "b@example.com": True,
    }
    assert account.stored(known)["city"] == "Leeds"


@operation(
    "batches",
    "crm.contacts.batch_api.upsert by e-mail with a bad row",
    "400, and nothing changes: partial upserts are not supported",
)
def test_upsert_all_or_nothing(account, batch, raises_status):
    raises_status(400, batch.upsert, keys("a@example.com", "nonsense", city="Leeds"))
    assert account.control("stats")["records"]["contacts"] == 0


@operation("batches", "crm.contacts.batch_api.upsert by a unique property", "200: new, then not")
def test_upsert_by_a_unique_property(batch):
    told = [batch.upsert(keys("lr-1", by="leadrelay_id", city="Leeds")).results[0] for _ in range(2)]
    assert ([one.new for one in told], told[0].id) == ([True, False], told[1].id)


@operation("batches", "crm.contacts.batch_api.upsert by a property that is not unique", "400")
def test_upsert_by_another_property(batch, raises_status):
    error = raises_status(400, batch.upsert, keys("York", by="city", city="York"))
    assert "non-unique" in json.loads(error.body)["message"]


@operation(
    "batches",
    "crm.contacts.batch_api.upsert of one address twice",
    "400: Duplicate IDs found in batch input …",
)
def test_upsert_of_one_twice(batch, raises_status):
    error = raises_status(400, batch.upsert, keys("a@example.com", "A@example.com", city="Leeds"))
    assert json.loads(error.body)["message"].startswith("Duplicate IDs found in batch input")


@operation("batches", "crm.contacts.batch_api.archive", "204")
def test_archive(account, batch):
    ids = [SimplePublicObjectId(id=account.contact(email=f"{name}@example.com")) for name in "ab"]
    assert batch.archive_with_http_info(BatchInputSimplePublicObjectId(inputs=ids))[1] == 204
    assert account.control("stats")["records"]["contacts"] == 0
