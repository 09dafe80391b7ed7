"""A hundred contacts at a time: whole refusals, and rows that fail alone."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    SimplePublicObjectBatchInput,
    SimplePublicObjectBatchInputForCreate,
    SimplePublicObjectId,
)

BATCH = "/crm/v3/objects/contacts/batch"


def row(email: str, trace: str | None = None, **properties: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"properties": {"email": email, **properties}}
    return told | ({"objectWriteTraceId": trace} if trace else {})


def create(account, *rows):
    return account.call("POST", f"{BATCH}/create", {"inputs": rows})


def contacts(account) -> int:
    return account.control("stats")["records"]["contacts"]


def test_batch_create_through_the_vendors_client(account):
    rows = [
        SimplePublicObjectBatchInputForCreate(properties={"email": f"{name}@example.com"}, associations=[])
        for name in "abc"
    ]
    made = account.client.crm.contacts.batch_api.create(
        BatchInputSimplePublicObjectBatchInputForCreate(inputs=rows)
    )
    assert made.status == "COMPLETE"
    assert [row.properties["email"] for row in made.results] == [
        "a@example.com",
        "b@example.com",
        "c@example.com",
    ]


def test_batch_create_answers_201_and_echoes_trace_ids(account):
    answer = create(account, row("a@example.com", "t1"), row("b@example.com", "t2"))
    assert answer.status_code == 201
    assert [result["objectWriteTraceId"] for result in answer.json()["results"]] == ["t1", "t2"]
    assert "errors" not in answer.json()


def test_without_trace_ids_one_bad_row_refuses_the_whole_batch(account):
    answer = create(account, row("a@example.com"), row("b@example.com", shoe_size="9"), row("nonsense", "t3"))
    assert answer.status_code == 400
    codes = [error["code"] for error in answer.json()["errors"]]
    assert codes == ["PROPERTY_DOESNT_EXIST", "INVALID_EMAIL"]
    assert contacts(account) == 0


def test_without_trace_ids_existing_contacts_refuse_the_whole_batch_naming_the_first(account):
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    answer = create(account, row("c@example.com"), row("b@example.com"), row("a@example.com"))
    assert answer.status_code == 409
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {second}"
    assert first not in answer.json()["message"]
    assert contacts(account) == 2


def test_with_trace_ids_each_row_stands_alone(account):
    existing = account.contact(email="a@example.com")
    answer = create(
        account,
        row("a@example.com", "t1"),
        row("b@example.com", "t2"),
        row("c@example.com", "t3", shoe_size="9"),
    )
    body = answer.json()
    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", 2)
    assert [result["objectWriteTraceId"] for result in body["results"]] == ["t2"]
    conflict, invalid = body["errors"]
    assert conflict == {
        "status": "error",
        "category": "CONFLICT",
        "message": f"Contact already exists. Existing ID: {existing}",
        "context": {"objectWriteTraceId": ["t1"], "existingId": [existing]},
    }
    assert (invalid["category"], invalid["context"]) == ("VALIDATION_ERROR", {"objectWriteTraceId": ["t3"]})
    assert invalid["message"].startswith("Property values were not valid: [{")


def test_the_vendors_client_reads_a_207(account):
    account.contact(email="a@example.com")
    rows = [
        SimplePublicObjectBatchInputForCreate(
            properties={"email": f"{name}@example.com"}, associations=[], object_write_trace_id=name
        )
        for name in "ab"
    ]
    made = account.client.crm.contacts.batch_api.create(
        BatchInputSimplePublicObjectBatchInputForCreate(inputs=rows)
    )
    assert made.num_errors == 1
    assert made.errors[0].context["objectWriteTraceId"] == ["a"]


@pytest.mark.parametrize("traces", [("t1", None), ("t1", "t1")])
def test_trace_ids_count_only_where_every_row_has_its_own(account, traces):
    account.contact(email="a@example.com")
    answer = create(account, row("a@example.com", traces[0]), row("b@example.com", traces[1]))
    assert (answer.status_code, contacts(account)) == (409, 1)


def test_a_switch_makes_conflicts_refuse_the_whole_batch_even_with_trace_ids(account):
    existing = account.contact(email="a@example.com")
    account.control("faults", {"batch_create_conflict": "409"})
    answer = create(account, row("b@example.com", "t1"), row("a@example.com", "t2"))
    assert answer.status_code == 409
    assert answer.json()["message"].endswith(f"Existing ID: {existing}")
    assert contacts(account) == 1


def test_an_address_twice_in_a_batch_is_a_conflict(account):
    answer = create(account, row("a@example.com"), row("A@example.com"))
    assert (answer.status_code, answer.json()["message"]) == (409, "Contact already exists")
    assert contacts(account) == 0
    answer = create(account, row("a@example.com", "t1"), row("A@example.com", "t2"))
    assert answer.status_code == 207
    assert answer.json()["errors"][0]["context"]["existingId"] == [answer.json()["results"][0]["id"]]


@pytest.mark.parametrize("call", ["create", "read", "update", "archive"])
def test_more_than_a_hundred_rows_are_refused(account, call):
    rows = [{"id": str(number), "properties": {}} for number in range(101)]
    refused = account.call("POST", f"{BATCH}/{call}", {"inputs": rows})
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("call", ["read", "update", "archive"])
def test_a_record_named_twice_refuses_the_whole_batch(account, call):
    contact = account.contact(email="a@example.com")
    rows = [{"id": contact, "properties": {"city": "Leeds"}}] * 2
    refused = account.call("POST", f"{BATCH}/{call}", {"inputs": rows})
    assert refused.status_code == 400
    assert refused.json()["message"] == f"Duplicate IDs found in batch input: [{contact}]. IDs must be unique"
    assert refused.json()["context"] == {"ids": [contact]}


def test_batch_read_by_email_matches_any_address_of_a_contact(account):
    contact = account.contact(email="a@example.com", hs_additional_emails="b@example.com;c@example.com")
    asked = BatchReadInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id="C@example.com")],
        id_property="email",
        properties=["email", "phone", "nonsense"],
        properties_with_history=[],
    )
    [found] = account.client.crm.contacts.batch_api.read(asked).results
    assert found.id == contact
    assert set(found.properties) == {"createdate", "email", "hs_object_id", "lastmodifieddate", "phone"}


def test_batch_read_tells_what_it_did_not_find(account):
    contact = account.contact(email="a@example.com")
    body = {
        "idProperty": "email",
        "inputs": [{"id": "x@example.com"}, {"id": "a@example.com"}, {"id": "y@example.com"}],
        "properties": ["email"],
    }
    answer = account.call("POST", f"{BATCH}/read", body)
    told = answer.json()
    assert (answer.status_code, told["numErrors"]) == (207, 1)
    assert [result["id"] for result in told["results"]] == [contact]
    [error] = told["errors"]
    assert (error["category"], error["context"]) == (
        "OBJECT_NOT_FOUND",
        {"ids": ["x@example.com", "y@example.com"]},
    )


def test_batch_read_with_history_and_of_archived_contacts(account):
    contact = account.contact(email="a@example.com", city="Leeds")
    body = {"inputs": [{"id": contact}], "propertiesWithHistory": ["city"]}
    [found] = account.call("POST", f"{BATCH}/read", body).json()["results"]
    assert [version["value"] for version in found["propertiesWithHistory"]["city"]] == ["Leeds"]
    account.call("DELETE", f"/crm/v3/objects/contacts/{contact}")
    assert account.call("POST", f"{BATCH}/read", body).status_code == 207
    assert account.call("POST", f"{BATCH}/read", body, archived="true").status_code == 200


def test_batch_update_through_the_vendors_client(account):
    contact = account.contact(email="a@example.com")
    rows = [SimplePublicObjectBatchInput(id=contact, properties={"city": "Leeds"})]
    done = account.client.crm.contacts.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert done.results[0].properties["city"] == "Leeds"
    assert account.stored(contact)["city"] == "Leeds"


def test_batch_update_of_a_missing_contact_fails_alone(account):
    contact = account.contact(email="a@example.com")
    rows = [{"id": number, "properties": {"city": "Leeds"}} for number in ("998", contact, "999")]
    answer = account.call("POST", f"{BATCH}/update", {"inputs": rows})
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    assert answer.json()["errors"][0]["context"] == {"ids": ["998", "999"]}
    traced = [{**row, "objectWriteTraceId": f"t{row['id']}"} for row in rows]
    told = account.call("POST", f"{BATCH}/update", {"inputs": traced}).json()
    assert [error["context"] for error in told["errors"]] == [
        {"ids": ["998"], "objectWriteTraceId": ["t998"]},
        {"ids": ["999"], "objectWriteTraceId": ["t999"]},
    ]


def test_batch_update_with_a_bad_value_changes_nothing(account):
    one, other = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    rows = [{"id": one, "properties": {"city": "Leeds"}}, {"id": other, "properties": {"shoe_size": "9"}}]
    assert account.call("POST", f"{BATCH}/update", {"inputs": rows}).status_code == 400
    assert "city" not in account.stored(one)


@pytest.mark.parametrize("address", ["b@example.com", "new@example.com"])
def test_batch_update_to_an_address_of_another_changes_nothing(account, address):
    one, other = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    third = account.contact(email="c@example.com")
    rows = [{"id": number, "properties": {"email": address, "city": "Leeds"}} for number in (one, third)]
    answer = account.call("POST", f"{BATCH}/update", {"inputs": rows})
    assert answer.status_code == 409
    assert all("city" not in account.stored(number) for number in (one, other, third))


def test_batch_update_by_email_is_not_supported_and_by_a_unique_property_is(account):
    contact = account.contact(email="a@example.com", leadrelay_id="lr-1")
    by_email = {"id": "a@example.com", "idProperty": "email", "properties": {"city": "Leeds"}}
    refused = account.call("POST", f"{BATCH}/update", {"inputs": [by_email]})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("Unable to perform update/upsert by non-unique 0-1 property")
    by_key = {"id": "lr-1", "idProperty": "leadrelay_id", "properties": {"city": "Leeds"}}
    assert account.call("POST", f"{BATCH}/update", {"inputs": [by_key]}).status_code == 200
    assert account.stored(contact)["city"] == "Leeds"


def test_batch_archive_answers_204_also_for_what_is_gone(account):
    contact = account.contact(email="a@example.com")
    rows = BatchInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id=contact), SimplePublicObjectId(id="999")]
    )
    assert account.client.crm.contacts.batch_api.archive(rows) is None
    assert contacts(account) == 0


def test_half_failed_batches_carry_rows_to_send_again(account):
    account.control("faults", {"half_failed_rate": 0.5, "seed": 1})
    told = create(account, *(row(f"p{number}@example.com", f"t{number}") for number in range(40))).json()
    assert {error["category"] for error in told["errors"]} == {"RATE_LIMITS"}
    traces = [result["objectWriteTraceId"] for result in told["results"]]
    traces += [error["context"]["objectWriteTraceId"][0] for error in told["errors"]]
    assert sorted(traces) == sorted(f"t{number}" for number in range(40))
    assert 0 < contacts(account) == len(told["results"]) < 40


def test_results_can_come_in_another_order_than_the_rows(account):
    account.control("faults", {"batch_order": "shuffled"})
    told = create(account, *(row(f"p{number}@example.com", f"t{number}") for number in range(30))).json()
    emails = {result["objectWriteTraceId"]: result["properties"]["email"] for result in told["results"]}
    assert list(emails) != [f"t{number}" for number in range(30)]
    assert emails["t7"] == "p7@example.com"


@pytest.mark.parametrize("body", [{}, {"inputs": 5}, {"inputs": ["x"]}])
def test_a_batch_of_another_shape_is_400(account, body):
    assert account.call("POST", f"{BATCH}/create", body).status_code == 400


def test_in_2026_09_failed_rows_may_come_with_the_usual_status(account):
    rows = {"inputs": [{"properties": {"shoe_size": "9"}, "objectWriteTraceId": "t1"}]}
    path = "/crm/objects/2026-09/contacts/batch/create"
    assert account.call("POST", path, rows).status_code == 207
    account.control("faults", {"partial_in_2026_09": "200"})
    answer = account.call("POST", path, rows)
    assert (answer.status_code, answer.json()["numErrors"]) == (201, 1)
    assert account.call("POST", f"{BATCH}/create", rows).status_code == 207
