"""What is of the wrong JSON type, or out of the range of dates, is refused in Salesforce's shape."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.conftest import Api

LEAD = {"LastName": "L", "Company": "C"}
CALL = {"method": "POST", "url": "/services/data/v68.0/sobjects/Lead", "referenceId": "a", "body": LEAD}


@pytest.mark.parametrize("attributes", [1, "Lead", [1], {"type": 1}, {"type": {}}])
@pytest.mark.parametrize("path", ["composite/sobjects", "composite/sobjects/Lead/LeadRelay_Id__c"])
def test_attributes_that_are_no_object_cost_their_record(api: Api, attributes: object, path: str) -> None:
    how = api.post if path == "composite/sobjects" else api.patch
    [told] = how(path, {"records": [{"attributes": attributes, **LEAD}]}).json()
    assert told["success"] is False


def test_a_tree_refuses_them_as_a_whole(api: Api) -> None:
    refused = api.post("composite/tree/Lead", {"records": [{"attributes": 1, **LEAD}]})
    assert (refused.status_code, refused.json()["hasErrors"] if "hasErrors" in refused.text else True) == (
        400,
        True,
    )


@pytest.mark.parametrize("headers", [1, "x", ["a"], {"If-Match": "a\nb"}])
def test_headers_of_a_subrequest_are_an_object(api: Api, headers: object) -> None:
    refused = api.post("composite", {"compositeRequest": [{**CALL, "httpHeaders": headers}]})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_an_address_that_is_none_leads_nowhere(api: Api) -> None:
    [told] = api.post("composite", {"compositeRequest": [{**CALL, "url": "//["}]}).json()["compositeResponse"]
    assert told["httpStatusCode"] == 404
    [told] = api.post("composite/batch", {"batchRequests": [{"method": "GET", "url": "//["}]}).json()[
        "results"
    ]
    assert told["statusCode"] == 404


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Lead LIMIT 99999999999999999999",
        f"SELECT Id FROM Lead LIMIT {'9' * 5_000}",
        "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS:999999999999",
        "SELECT Id FROM Lead WHERE CreatedDate = NEXT_N_YEARS:9000",
        "SELECT Id FROM Lead WHERE CreatedDate > 4001-01-01T00:00:00Z",
        "SELECT Id FROM Lead WHERE CreatedDate > 1699-12-31T00:00:00Z",
    ],
)
def test_numbers_and_dates_out_of_range_are_no_query(api: Api, soql: str) -> None:
    refused = api.query(soql)
    assert refused.status_code == 400, refused.text
    assert refused.json()[0]["errorCode"] in ("MALFORMED_QUERY", "INVALID_FIELD")


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "1699-12-31T23:59:59Z", "4001-01-01T00:00:00Z"])
def test_times_go_from_1700_to_4000(api: Api, when: str) -> None:
    event = {"Subject": "E", "DurationInMinutes": 30, "ActivityDateTime": when}
    assert api.post("sobjects/Event", event).status_code == 400
    assert api.post("sobjects/Event", event | {"ActivityDateTime": "4000-12-31T00:00:00Z"}).status_code == 201
    refused = api.get("sobjects/Lead/updated", params={"start": when, "end": "2026-01-01T00:00:00Z"})
    assert refused.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"
