"""What a call needs before it is answered: a version, a token, some of the daily limit left."""

from __future__ import annotations

import pytest
import requests

from sandbox.salesforce import ORG_ID

EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_the_list_of_versions_asks_for_no_token_and_tells_no_limit(api):
    answer = requests.get(f"{api.url}/services/data/", timeout=60)
    assert answer.status_code == 200
    listed = answer.json()
    assert listed[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert listed[0] == {"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"}
    assert "Sforce-Limit-Info" not in answer.headers


def test_a_versions_resources_name_the_identity_of_who_asks(api):
    told = api.get("").json()
    assert told["sobjects"] == "/services/data/v68.0/sobjects"
    identity = api.session.get(told["identity"], timeout=60).json()
    assert (identity["id"], identity["organization_id"]) == (told["identity"], ORG_ID)


@pytest.mark.parametrize("version", ["v41.0", "v59.0", "v68.0"])
def test_supported_versions_answer_under_their_own_path(api, version):
    lead = api.lead()
    told = api.get(f"/services/data/{version}/sobjects/Lead/{lead}").json()
    assert told["attributes"]["url"] == f"/services/data/{version}/sobjects/Lead/{lead}"


@pytest.mark.parametrize(
    ("version", "status"), [("v30.0", 410), ("v7.0", 410), ("v69.0", 404), ("v68", 404), ("x", 404)]
)
def test_retired_versions_are_gone_and_others_never_were(api, version, status):
    answer = api.get(f"/services/data/{version}/query?q=SELECT Id FROM Lead")
    assert answer.status_code == status
    assert answer.json()[0]["errorCode"] == {410: "GONE", 404: "NOT_FOUND"}[status]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer 00Dx!stale", "OAuth 00Dx!stale"])
def test_a_call_without_a_valid_session_is_a_401_with_a_list(api, header):
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{api.url}/services/data/v68.0/limits", headers=headers, timeout=60)
    assert (answer.status_code, answer.json()) == (401, EXPIRED)


def test_another_scheme_is_an_invalid_header(api):
    answer = requests.get(f"{api.url}/services/data/v68.0/limits", auth=("user", "password"), timeout=60)
    assert answer.status_code == 401
    assert answer.json() == [{"message": "INVALID_HEADER_TYPE", "errorCode": "INVALID_AUTH_HEADER"}]


def test_every_data_call_is_counted_and_told_also_a_failing_one(api):
    used = [api.get("limits"), api.get("sobjects/Nope"), api.get("query", params={"q": "nonsense"})]
    assert [answer.headers["Sforce-Limit-Info"] for answer in used] == [
        "api-usage=1/100000", "api-usage=2/100000", "api-usage=3/100000",
    ]  # fmt: skip


def test_limits_tells_what_is_left_and_counts_itself(api):
    api.get("limits")
    assert api.get("limits").json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_998}


def test_at_the_daily_limit_every_call_is_a_403(api):
    api.fault(limits={"daily": 2})
    assert [api.get("limits").status_code for _ in range(2)] == [200, 200]
    refused = api.get("limits")
    assert refused.status_code == 403
    assert refused.json() == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=2/2"
    assert not {"Retry-After", "RateLimit-Limit"} & set(refused.headers)


def test_the_daily_limit_rolls_over_24_hours(api):
    api.fault(limits={"daily": 1})
    api.get("limits")
    api.control("clock", {"advance": 24 * 3600 - 120})
    assert api.get("limits").status_code == 403
    api.control("clock", {"advance": 180})
    assert api.get("limits").status_code == 200


def test_an_address_over_16384_bytes_is_too_long(api):
    query = "SELECT Id FROM Lead WHERE Email = '" + "x" * 16_400 + "'"
    assert api.query(query).status_code == 414
    assert api.query("SELECT Id FROM Lead WHERE Email = '" + "x" * 3_000 + "'").status_code == 200


@pytest.mark.parametrize(
    "path", ["query/?q=SELECT Id FROM Lead", "limits/", "sobjects/", "sobjects/Lead/", ""]
)
def test_slashes_at_the_end_are_accepted(api, path):
    assert api.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "search/?q=x",
        "tooling/query",
        "sobjects/Asset",
        "sobjects/product2/describe",
    ],
)
def test_what_is_not_built_is_named_by_a_501(api, path):
    answer = api.get(path)
    assert answer.status_code == 501
    [error] = answer.json()
    assert error["errorCode"] == "NOT_IMPLEMENTED"
    assert path.partition("/")[2].partition("/")[0].partition("?")[0] in error["message"]


def test_a_wrong_method_is_a_405_that_names_the_right_ones(api):
    answer = api.call("PUT", "limits")
    assert answer.status_code == 405
    assert answer.json()[0]["message"] == "HTTP Method 'PUT' not allowed. Allowed are GET,HEAD"


def test_the_endpoints_that_are_built_are_listed(api):
    listed = api.control("endpoints").json()["endpoints"]
    assert "PATCH /services/data/{version}/composite/sobjects/{sobject}/{field}" in listed
    assert "POST /services/data/{version}/composite" in listed


def test_the_organization_is_a_sandbox_with_an_18_character_id(api, client):
    assert api.rows("SELECT Id, IsSandbox FROM Organization") == [{"Id": ORG_ID, "IsSandbox": True}]
    assert client.is_sandbox() is True
