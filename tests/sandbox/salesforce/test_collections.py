"""Up to 200 records in one call, each with a result of its own."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of


def leads(*given, **more):
    records = [{"attributes": {"type": "Lead"}, "Company": "Engines", **fields} for fields in given]
    return {"records": records, **more}


def failed(code, message, *fields):
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


MISSING = failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")


def test_a_create_answers_every_record_in_its_place(api):
    answer = api.post("composite/sobjects", leads({"LastName": "A"}, {"FirstName": "B"}, {"LastName": "C"}))
    first, second, third = answer.json()
    assert answer.status_code == 200
    assert second == MISSING
    assert [row["Id"] for row in api.rows("SELECT Id FROM Lead ORDER BY Id")] == [first["id"], third["id"]]
    assert first == {"id": first["id"], "success": True, "errors": []}


def test_all_or_none_takes_everything_back(api):
    body = leads(
        {"LastName": "A", "LeadRelay_Id__c": "lr-1"}, {"FirstName": "B"}, {"LastName": "C"}, allOrNone=True
    )
    first, second, third = api.post("composite/sobjects", body).json()
    message = (
        "Record rolled back because not all records were valid and the request was using AllOrNone header"
    )
    for result in (first, third):
        assert result["errors"] == failed("ALL_OR_NONE_OPERATION_ROLLED_BACK", message)["errors"]
        assert result["success"] is False
    assert second == MISSING
    assert api.rows("SELECT Id FROM Lead", also_deleted=True) == []
    assert api.control(f"history/Lead/{first['id']}").json()["writes"] == []
    assert api.lead(LeadRelay_Id__c="lr-1") > first["id"], "ids are not given twice"


def test_one_call_may_mix_types_in_up_to_ten_runs(api):
    one = {"attributes": {"type": "Lead"}, "LastName": "A", "Company": "B"}
    other = {"attributes": {"type": "contact"}, "LastName": "A"}
    mixed = api.post("composite/sobjects", {"records": [one, other] * 5}).json()
    assert {result["id"][:3] for result in mixed} == {"00Q", "003"}
    refused = api.post("composite/sobjects", {"records": [one, other] * 6})
    assert refused.status_code == 400


@pytest.mark.parametrize("attributes", [None, {}, {"type": "Leed"}, {"type": 5}])
def test_a_record_of_no_known_type_fails_alone(api, attributes):
    records = [{"attributes": attributes, "LastName": "A"}, *leads({"LastName": "B"})["records"]]
    first, second = api.post("composite/sobjects", {"records": records}).json()
    assert (first["errors"][0]["statusCode"], second["success"]) == ("INVALID_TYPE", True)


def test_an_update_names_its_records_by_id(api):
    kept, gone = api.lead(Title="old"), api.lead()
    api.delete(f"sobjects/Lead/{gone}")
    ids = [kept, gone, "00Q5g0000000001EAA", "foo", None]
    body = {"records": [{"attributes": {"type": "Lead"}, "id": one, "Title": "new"} for one in ids]}
    answer = api.patch("composite/sobjects", body)
    assert answer.status_code == 200
    assert answer.json() == [
        {"id": kept, "success": True, "errors": []},
        failed("ENTITY_IS_DELETED", "entity is deleted"),
        failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        failed("MALFORMED_ID", "Lead ID: id value of incorrect type: foo", "Id"),
        failed("MISSING_ARGUMENT", "Id not specified in an update call"),
    ]
    assert api.read(kept, "Title") == {"Title": "new"}


def test_an_update_with_all_or_none_restores_the_old_values(api):
    first, second = api.lead(Title="old", LeadRelay_Id__c="lr-1"), api.lead()
    records = [
        {"attributes": {"type": "Lead"}, "Id": first, "Title": "new", "LeadRelay_Id__c": "lr-9"},
        {"attributes": {"type": "Lead"}, "Id": second, "Email": "no"},
    ]
    before = api.read(first, "SystemModstamp,Title,LeadRelay_Id__c")
    results = api.patch("composite/sobjects", {"allOrNone": True, "records": records}).json()
    assert [result["errors"][0]["statusCode"] for result in results] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS",
    ]  # fmt: skip
    assert results[0]["id"] == first
    assert api.read(first, "SystemModstamp,Title,LeadRelay_Id__c") == before
    assert api.get("sobjects/Lead/LeadRelay_Id__c/lr-1").json()["Id"] == first
    assert api.get("sobjects/Lead/LeadRelay_Id__c/lr-9").status_code == 404


def test_a_delete_takes_ids_of_any_type(api):
    lead, contact = api.lead(), api.contact()
    results = api.delete(f"composite/sobjects?ids={lead},{contact},nonsense").json()
    assert [result["success"] for result in results] == [True, True, False]
    assert api.rows("SELECT Id FROM Contact") == []


def test_a_delete_with_all_or_none_brings_back_what_it_deleted(api):
    lead = api.lead(LeadRelay_Id__c="lr-1")
    results = api.delete(f"composite/sobjects?ids={lead},00Q5g0000000001EAA&allOrNone=true").json()
    assert [result["success"] for result in results] == [False, False]
    assert api.rows("SELECT Id, IsDeleted FROM Lead") == [{"Id": lead, "IsDeleted": False}]
    assert api.get("sobjects/Lead/LeadRelay_Id__c/lr-1").status_code == 200
    assert api.control("stats").json()["records"]["Lead"] == 1


def test_an_upsert_tells_what_it_created(api):
    old = api.lead(LeadRelay_Id__c="lr-1", Title="old")
    body = leads(
        {"LeadRelay_Id__c": "LR-1", "Title": "new"}, {"LeadRelay_Id__c": "lr-2", "LastName": "B"},
        {"LeadRelay_Id__c": "lr-2", "LastName": "C"}, {"LastName": "D"}, {"LeadRelay_Id__c": "lr-3"},
    )  # fmt: skip
    results = api.patch("composite/sobjects/Lead/LeadRelay_Id__c", body).json()
    assert results[0] == {"id": old, "success": True, "errors": [], "created": False}
    assert results[1] == {"id": results[1]["id"], "success": True, "errors": [], "created": True}
    assert [result["errors"][0]["statusCode"] for result in results[2:]] == [
        "DUPLICATE_VALUE", "MISSING_ARGUMENT", "REQUIRED_FIELD_MISSING",
    ]  # fmt: skip
    assert api.read(old, "Title") == {"Title": "new"}


def test_an_upsert_by_an_address_that_several_have_fails_alone(api):
    twins = [api.contact(Email="info@example.com") for _ in range(2)]
    records = [{"attributes": {"type": "Contact"}, "Email": "info@example.com", "Title": "x"}]
    [result] = api.patch("composite/sobjects/Contact/Email", {"records": records}).json()
    [error] = result["errors"]
    assert error["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    assert all(twin in error["message"] for twin in twins)


def test_an_upsert_by_id_only_updates(api):
    lead = api.lead()
    records = leads({"Id": lead, "Title": "x"}, {"Id": "00Q5g0000000001EAA"})
    first, second = api.patch("composite/sobjects/Lead/Id", records).json()
    assert (first["created"], second["errors"][0]["statusCode"]) == (False, "INVALID_CROSS_REFERENCE_KEY")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_retrieve_answers_in_order_with_null_for_what_is_not_there(api, method):
    lead, gone = api.lead(Email="ada@example.com"), api.lead()
    api.delete(f"sobjects/Lead/{gone}")
    ids = [gone, lead, "00Q5g0000000001EAA"]
    if method == "GET":
        answer = api.get(f"composite/sobjects/Lead?ids={','.join(ids)}&fields=id,email")
    else:
        answer = api.post("composite/sobjects/Lead", {"ids": ids, "fields": ["id", "email"]})
    url = f"/services/data/v68.0/sobjects/Lead/{lead}"
    told = {"attributes": {"type": "Lead", "url": url}, "Id": lead, "Email": "ada@example.com"}
    assert answer.json() == [None, told, None]


def test_more_than_200_records_are_refused_whole(api):
    many = leads(*({"LastName": str(number)} for number in range(201)))
    message = "record limit reached. cannot submit more than 200 records into this call"
    assert error_of(api.post("composite/sobjects", many))[:3] == (400, "EXCEEDED_ID_LIMIT", message)
    many["records"].pop()
    assert all(result["success"] for result in api.post("composite/sobjects", many).json())
    assert api.control("stats").json()["records"]["Lead"] == 200


@pytest.mark.parametrize("body", [{}, {"records": {}}, {"records": ["x"]}, []])
def test_a_malformed_body_is_refused_whole(api, body):
    assert error_of(api.post("composite/sobjects", body))[:2] == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize(
    ("bad", "code"), [({"Shoe__c": 1}, "INVALID_FIELD"), ({"AnnualRevenue": "x"}, "JSON_PARSER_ERROR")]
)
def test_a_bad_field_costs_its_record_or_where_set_so_the_whole_call(api, bad, code):
    body = leads({"LastName": "A"}, {"LastName": "B", **bad})
    first, second = api.post("composite/sobjects", body).json()
    assert (first["success"], second["errors"][0]["statusCode"]) == (True, code)
    api.fault(bad_field_fails="call")
    assert error_of(api.post("composite/sobjects", body))[:2] == (400, code)
    assert api.control("stats").json()["records"]["Lead"] == 1


def test_a_collection_is_one_call_of_the_limit(api):
    answer = api.post("composite/sobjects", leads({"LastName": "A"}, {"LastName": "B"}))
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
