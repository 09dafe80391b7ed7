"""Batches, trees and graphs, and parents named by a key of theirs."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of

LEAD = {"LastName": "Lovelace", "Company": "Engines"}


def test_a_batch_runs_its_calls_each_for_itself(api):
    calls = [
        {"method": "POST", "url": "v68.0/sobjects/Lead", "richInput": LEAD},
        {"method": "POST", "url": "v68.0/sobjects/Lead", "richInput": {"LastName": "x"}},
        {"method": "GET", "url": "/services/data/v68.0/query?q=SELECT+COUNT()+FROM+Lead"},
        {"method": "GET", "url": "v68.0/nothing"},
    ]
    answer = api.post("composite/batch", {"batchRequests": calls})
    assert (answer.status_code, answer.json()["hasErrors"]) == (200, True)
    made, refused, counted, nothing = answer.json()["results"]
    assert (made["statusCode"], made["result"]["success"]) == (201, True)
    assert (refused["statusCode"], refused["result"][0]["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    assert counted == {"statusCode": 200, "result": {"totalSize": 1, "done": True, "records": []}}
    assert nothing["statusCode"] == 404
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=4/100000", "each of them counts"


def test_a_batch_that_reaches_the_daily_limit_fails_from_there_on(api):
    api.fault(limits={"daily": 2})
    calls = [{"method": "POST", "url": "v68.0/sobjects/Lead", "richInput": LEAD}] * 3
    results = api.post("composite/batch", {"batchRequests": calls}).json()["results"]
    assert [one["statusCode"] for one in results] == [201, 201, 403]
    assert api.control("stats").json()["records"]["Lead"] == 2


def test_a_batch_may_halt_at_the_first_error(api):
    calls = [
        {"method": "GET", "url": "v68.0/sobjects/Lead/00Q5g0000000001EAA"},
        {"method": "GET", "url": "v68.0/limits"},
    ]
    answer = api.post("composite/batch", {"batchRequests": calls, "haltOnError": True}).json()
    halted = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}]
    assert [one["statusCode"] for one in answer["results"]] == [404, 412]
    assert answer["results"][1]["result"] == halted


@pytest.mark.parametrize(("number", "code"), [(0, "JSON_PARSER_ERROR"), (26, "LIMIT_EXCEEDED")])
def test_a_batch_has_1_to_25_calls(api, number, code):
    calls = [{"method": "GET", "url": "v68.0/limits"}] * number
    assert error_of(api.post("composite/batch", {"batchRequests": calls}))[1] == code


def node(kind, reference, **more):
    return {"attributes": {"type": kind, "referenceId": reference}, **more}


def test_a_tree_is_made_from_the_top_down(api):
    contacts = {"records": [node("Contact", "c1", LastName="A"), node("Contact", "c2", LastName="B")]}
    records = [node("Account", "a1", Name="X", Contacts=contacts), node("Account", "a2", Name="Y")]
    answer = api.post("composite/tree/Account", {"records": records})
    assert (answer.status_code, answer.json()["hasErrors"]) == (201, False)
    made = {one["referenceId"]: one["id"] for one in answer.json()["results"]}
    assert list(made) == ["a1", "c1", "c2", "a2"]
    rows = api.rows("SELECT Id, AccountId FROM Contact ORDER BY Id")
    assert rows == [{"Id": made[name], "AccountId": made["a1"]} for name in ("c1", "c2")]


def test_one_bad_record_costs_the_whole_tree(api):
    contacts = {"records": [node("Contact", "c1", FirstName="A")]}
    answer = api.post(
        "composite/tree/Account", {"records": [node("Account", "a1", Name="X", Contacts=contacts)]}
    )
    error = {
        "statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]",
        "fields": ["LastName"],
    }  # fmt: skip
    assert answer.status_code == 400
    assert answer.json() == {"hasErrors": True, "results": [{"referenceId": "c1", "errors": [error]}]}
    assert api.rows("SELECT Id FROM Account", also_deleted=True) == []


@pytest.mark.parametrize(
    "records",
    [
        [node("Account", "a", Name="X"), node("Account", "a", Name="Y")],
        [node("Contact", "a", LastName="X")],
        [node("Account", "a", Name="X", Shoes={"records": []})],
    ],
)
def test_trees_that_are_refused(api, records):
    assert api.post("composite/tree/Account", {"records": records}).status_code == 400


def graph(graph_id, *calls):
    requests = [
        {
            "method": "POST",
            "url": f"/services/data/v68.0/sobjects/{kind}",
            "referenceId": reference,
            "body": body,
        }
        for kind, reference, body in calls
    ]
    return {"graphId": graph_id, "compositeRequest": requests}


def test_each_graph_is_all_or_none_for_itself(api):
    good = graph(
        "1", ("Account", "account", {"Name": "X"}),
        ("Contact", "contact", {"LastName": "Y", "AccountId": "@{account.id}"}),
    )  # fmt: skip
    bad = graph("2", ("Account", "account", {"Name": "Z"}), ("Contact", "contact", {}))
    one, two = api.post("composite/graph", {"graphs": [good, bad]}).json()["graphs"]
    assert (one["graphId"], one["isSuccessful"]) == ("1", True)
    made = one["graphResponse"]["compositeResponse"]
    assert [part["httpStatusCode"] for part in made] == [201, 201]
    assert made[0]["httpHeaders"]["Location"].endswith(made[0]["body"]["id"])
    assert two["isSuccessful"] is False
    codes = [part["body"][0]["errorCode"] for part in two["graphResponse"]["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert api.rows("SELECT Name FROM Account") == [{"Name": "X"}]


def test_after_14_failed_graphs_the_rest_is_not_run(api):
    bad = [graph(str(n), ("Contact", "c", {})) for n in range(14)]
    told = api.post(
        "composite/graph", {"graphs": [*bad, graph("15", ("Account", "a", {"Name": "X"}))]}
    ).json()
    assert told["graphs"][-1]["isSuccessful"] is False
    assert api.rows("SELECT Id FROM Account") == []


@pytest.fixture
def shop(api):
    """An account with an external id, in an org where accounts have one."""
    metadata = {"label": "Shop Id", "type": "Text", "length": 20, "externalId": True, "unique": True}
    api.control("faults", {"new_fields": "shown"})
    api.post("tooling/sobjects/CustomField", {"FullName": "Account.Shop_Id__c", "Metadata": metadata})
    return api.make("Account", Name="Shop", Shop_Id__c="s-1")


def test_a_parent_may_be_named_by_its_external_id(api, shop):
    made = api.make("Contact", LastName="x", Account={"Shop_Id__c": "S-1"})
    assert api.read(made, "AccountId") == {"AccountId": shop}
    owner = {"Username": "anna.keller@northlight.example"}
    api.patch(f"sobjects/Contact/{made}", {"Owner": owner})
    assert api.read(made, "OwnerId") == {"OwnerId": api.user("anna.keller@northlight.example")}
    body = {"LastName": "y", "Account": {"Shop_Id__c": "s-1"}}
    upserted = api.patch("sobjects/Contact/LeadRelay_Id__c/lr-1", body).json()
    assert api.read(upserted["id"], "AccountId") == {"AccountId": shop}
    records = [
        {"attributes": {"type": "Contact"}, "LeadRelay_Id__c": "lr-1", "Account": {"Shop_Id__c": "s-1"}}
    ]
    [result] = api.patch("composite/sobjects/Contact/LeadRelay_Id__c", {"records": records}).json()
    assert (result["success"], result["created"]) == (True, False)


def test_a_parent_of_several_possible_types_needs_its_type(api):
    lead = api.lead(LeadRelay_Id__c="lr-1")
    who = {"attributes": {"type": "Lead"}, "LeadRelay_Id__c": "lr-1"}
    api.make("Task", Subject="Call", Who=who)
    assert api.rows("SELECT WhoId FROM Task") == [{"WhoId": lead}]
    assert error_of(api.post("sobjects/Task", {"Who": {"LeadRelay_Id__c": "lr-1"}}))[1] == "INVALID_TYPE"


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        (
            {"Shop_Id__c": "no"},
            "Foreign key external ID: no not found for field Shop_Id__c in entity Account",
        ),
        ({"Website": "x"}, "Website is no external id or indexed field for Account"),
        ({"Shop_Id__c": "s-1", "Id": "x"}, "Account: exactly one external id field is needed, not 2"),
    ],
)
def test_parents_that_nobody_finds(api, shop, parent, message):
    refused = error_of(api.post("sobjects/Contact", {"LastName": "x", "Account": parent}))
    assert refused[:3] == (400, "INVALID_FIELD", message)
