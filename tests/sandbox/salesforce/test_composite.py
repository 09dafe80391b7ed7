"""Several calls in one, which may use each other's answers."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of

BASE = "/services/data/v68.0"
ROLLED_BACK = [
    {
        "message": "The transaction was rolled back since another operation in the same transaction failed.",
        "errorCode": "PROCESSING_HALTED",
    }
]


def call(name, method, path, body=None, **more):
    told = {"referenceId": name, "method": method, "url": f"{BASE}/{path}", **more}
    return told if body is None else told | {"body": body}


def run(api, *calls, **more):
    answer = api.post("composite", {"compositeRequest": list(calls), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["compositeResponse"]


LEAD = {"LastName": "Lovelace", "Company": "Engines"}


def test_a_later_call_uses_what_an_earlier_one_answered(api):
    made, read, found, changed = run(
        api,
        call("new", "POST", "sobjects/Lead", LEAD | {"Email": "ada@example.com"}),
        call("read", "GET", "sobjects/Lead/@{new.id}?fields=Id,Email"),
        call("found", "GET", "query?q=SELECT+Id+FROM+Lead+WHERE+Email+=+'@{read.Email}'"),
        call("changed", "PATCH", "sobjects/Lead/@{found.records[0].Id}", {"Description": "see @{new.id}!"}),
    )
    lead = made["body"]["id"]
    assert made == {
        "body": {"id": lead, "success": True, "errors": []},
        "httpHeaders": {"Location": f"{BASE}/sobjects/Lead/{lead}"},
        "httpStatusCode": 201,
        "referenceId": "new",
    }
    assert read["body"]["Email"] == "ada@example.com"
    assert found["body"]["totalSize"] == 1
    assert changed == {"body": None, "httpHeaders": {}, "httpStatusCode": 204, "referenceId": "changed"}
    assert api.read(lead, "Description") == {"Description": f"see {lead}!"}


def test_a_failing_call_halts_those_that_refer_to_it_and_no_others(api):
    bad, dependent, other = run(
        api,
        call("bad", "POST", "sobjects/Lead", {"LastName": "x"}),
        call("dependent", "GET", "sobjects/Lead/@{bad.id}"),
        call("other", "POST", "sobjects/Lead", LEAD),
    )
    assert (bad["httpStatusCode"], bad["body"][0]["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    assert dependent["httpStatusCode"] == 400
    assert dependent["body"] == [
        {
            "message": "Execution halted as previous operation (bad) was not successful.",
            "errorCode": "PROCESSING_HALTED",
        }
    ]
    assert other["httpStatusCode"] == 201


@pytest.mark.parametrize("reference", ["none.id", "found.records[0].Id"])
def test_a_reference_without_a_value_is_told_as_recorded(api, reference):
    _, halted = run(
        api,
        call("found", "GET", "query?q=SELECT Id FROM Lead"),
        call("next", "GET", f"sobjects/Lead/@{{{reference}}}"),
    )
    name = reference.partition(".")[0]
    assert halted["body"] == [
        {
            "message": f"Invalid reference specified. No value for {reference} found in {name}. "
            f"Provided referenceId ('{reference}') must start with a letter or a number, and it can contain "
            "only letters, numbers and underscores ('_').",
            "errorCode": "PROCESSING_HALTED",
        }
    ]


def test_all_or_none_takes_back_every_call(api):
    first, second, third = run(
        api,
        call("a", "POST", "sobjects/Lead", LEAD),
        call("b", "POST", "sobjects/Lead", {"LastName": "x"}),
        call("c", "POST", "sobjects/Lead", LEAD),
        allOrNone=True,
    )
    assert first["body"] == third["body"] == ROLLED_BACK
    assert first["httpStatusCode"] == second["httpStatusCode"] == third["httpStatusCode"] == 400
    assert second["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert api.rows("SELECT Id FROM Lead", also_deleted=True) == []


def test_the_outer_all_or_none_overrules_a_collection_inside(api):
    bad, good = {"attributes": {"type": "Lead"}, "LastName": "x"}, {"attributes": {"type": "Lead"}, **LEAD}
    many = call("many", "POST", "composite/sobjects", {"allOrNone": False, "records": [good, bad]})
    before, inside = run(api, call("one", "POST", "sobjects/Lead", LEAD), many, allOrNone=True)
    assert before["body"] == ROLLED_BACK
    assert [item["errors"][0]["statusCode"] for item in inside["body"]] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING",
    ]  # fmt: skip
    assert api.rows("SELECT Id FROM Lead") == []
    before, inside = run(api, call("one", "POST", "sobjects/Lead", LEAD), many)
    assert [item["success"] for item in inside["body"]] == [True, False]


def test_it_is_one_call_of_the_limit(api):
    answer = api.post("composite", {"compositeRequest": [call(f"c{n}", "GET", "limits") for n in range(25)]})
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert api.control("stats").json()["calls"] == {"POST /services/data/v68.0/composite": 1}


@pytest.mark.parametrize(
    "calls",
    [
        [call(f"c{n}", "GET", "limits") for n in range(26)],
        [call(f"c{n}", "GET", "query?q=SELECT Id FROM Lead") for n in range(6)],
        [call("same", "GET", "limits"), call("same", "GET", "limits")],
        [call("no dashes-", "GET", "limits")],
        [{"method": "GET", "referenceId": "x"}],
        [],
    ],
)
def test_a_composite_that_breaks_the_rules_is_refused_whole(api, calls):
    answer = api.post("composite", {"compositeRequest": calls})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] in ("LIMIT_EXCEEDED", "INVALID_INPUT", "JSON_PARSER_ERROR")


def test_five_queries_may_be_among_25(api):
    calls = [call(f"q{n}", "GET", "query?q=SELECT Id FROM Lead") for n in range(5)]
    assert len(run(api, *calls, *(call(f"c{n}", "GET", "limits") for n in range(20)))) == 25


def test_a_call_to_what_is_not_there_is_a_404_among_the_answers(api):
    nowhere, retired = run(
        api,
        call("a", "GET", "nowhere"),
        {"referenceId": "b", "method": "GET", "url": "/services/data/v20.0/limits"},
    )
    message = "The requested resource does not exist"
    assert (nowhere["httpStatusCode"], nowhere["body"][0]["message"]) == (404, message)
    assert retired["httpStatusCode"] == 410


def test_headers_of_a_call_hold_for_that_call(api):
    [queue] = api.rows("SELECT Id FROM Group")
    with_rule, without = run(
        api,
        call("a", "POST", "sobjects/Lead", LEAD, httpHeaders={"Sforce-Auto-Assign": "TRUE"}),
        call("b", "POST", "sobjects/Lead", LEAD),
    )
    owners = [api.read(one["body"]["id"], "OwnerId")["OwnerId"] for one in (with_rule, without)]
    assert (owners[0], owners[1][:3]) == (queue["Id"], "005")


def test_a_long_query_fits_into_a_composite(api):
    lead = api.lead(Email="u7@example.com")
    addresses = ",".join(f"'u{number}@a-rather-long-domain-name.example.com'" for number in range(400))
    soql = f"SELECT Id FROM Lead WHERE Email IN ({addresses},'u7@example.com')"
    [answer] = run(api, call("q", "GET", f"query?q={soql}"))
    assert [row["Id"] for row in answer["body"]["records"]] == [lead]
    assert api.query(soql).status_code == 414


def test_a_body_without_calls_is_malformed(api):
    assert error_of(api.post("composite", {"compositeRequest": "x"}))[:2] == (400, "JSON_PARSER_ERROR")
