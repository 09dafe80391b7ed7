"""simple-salesforce, queries and their pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from simple_salesforce import format_soql
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest

from tests.sandbox.operations import operation

LEAD = {"LastName": "Lovelace", "Company": "Engines"}


@pytest.fixture
def many(api):
    """Make that many leads."""

    def make(count):
        for start in range(0, count, 200):
            records = [{"attributes": {"type": "Lead"}, **LEAD}] * min(200, count - start)
            assert api.post("composite/sobjects", {"records": records}).status_code == 200

    return make


@operation("queries", "query", "200: totalSize, done, records with attributes, parents inside")
def test_query(client):
    client.Lead.create(LEAD | {"Email": "ada@example.com"})
    told = client.query("SELECT Id, Owner.Name FROM Lead WHERE Email = 'ada@example.com'")
    assert (told["totalSize"], told["done"]) == (1, True)
    [row] = told["records"]
    assert row["attributes"]["url"] == f"/services/data/v68.0/sobjects/Lead/{row['Id']}"
    assert row["Owner"]["attributes"]["type"] == "Name"


@operation("queries", "query of format_soql", "200: quotes, backslashes, LIKE signs and times as literals")
def test_literals(client):
    client.Lead.create(LEAD | {"Email": "o'brien@example.com", "Title": "100% sure"})
    since = datetime.now(UTC) - timedelta(minutes=5)
    soql = format_soql(
        "SELECT Id FROM Lead WHERE Email IN {} AND Title LIKE '{:like}%' AND CreatedDate > {}",
        ["o'brien@example.com", 'x"y\\z'], "100%", since,
    )  # fmt: skip
    assert client.query(soql)["totalSize"] == 1


@operation("queries", "query with COUNT, GROUP BY", "200: totalSize alone; AggregateResult rows")
def test_aggregates(client):
    client.Lead.create(LEAD)
    count = client.query("SELECT COUNT() FROM Lead")
    assert (count["totalSize"], count["records"]) == (1, [])
    [row] = client.query("SELECT Company, COUNT(Id) n FROM Lead GROUP BY Company")["records"]
    assert (row["attributes"]["type"], row["Company"], row["n"]) == ("AggregateResult", "Engines", 1)


@operation("queries", "query with a child query", "200: the children as a result of their own")
def test_children(client):
    account = client.Account.create({"Name": "ACME"})["id"]
    client.Contact.create({"LastName": "L", "AccountId": account})
    [row] = client.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account")["records"]
    assert (row["Contacts"]["totalSize"], row["Contacts"]["records"][0]["LastName"]) == (1, "L")


@operation("queries", "query, query_more", "200: 2000 rows and nextRecordsUrl; the rest behind it")
def test_query_more(client, many):
    many(2_001)
    first = client.query("SELECT Id FROM Lead")
    assert (first["totalSize"], first["done"], len(first["records"])) == (2_001, False, 2_000)
    second = client.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert (second["done"], len(second["records"])) == (True, 1)
    by_locator = client.query_more(first["nextRecordsUrl"].rpartition("/")[2])
    assert by_locator["records"] == second["records"]


@operation("queries", "query_all", "200: the records of all pages")
def test_query_all(client, many):
    many(2_001)
    told = client.query_all("SELECT Id FROM Lead")
    assert (told["totalSize"], told["done"], len(told["records"])) == (2_001, True, 2_001)


@operation("queries", "query_all_iter(include_deleted)", "200 by queryAll: the deleted ones as well")
def test_deleted_rows(client):
    client.Lead.delete(client.Lead.create(LEAD)["id"])
    soql = "SELECT Id, IsDeleted FROM Lead"
    assert list(client.query_all_iter(soql)) == []
    assert [row["IsDeleted"] for row in client.query_all_iter(soql, include_deleted=True)] == [True]


@operation("queries", "query with Sforce-Query-Options: batchSize", "200: pages of that size, 200 at least")
def test_batch_size(client, many):
    many(201)
    client.headers["Sforce-Query-Options"] = "batchSize=200"
    first = client.query("SELECT Id FROM Lead")
    assert (len(first["records"]), first["done"]) == (200, False)


def refused(client, soql):
    with pytest.raises(SalesforceMalformedRequest) as wrong:
        client.query(soql)
    [error] = wrong.value.content
    return error["errorCode"], error["message"]


@operation("queries", "query that cannot be read", "400 MALFORMED_QUERY")
def test_malformed(client):
    assert refused(client, "SELECT Id FROM")[0] == "MALFORMED_QUERY"


@operation(
    "queries", "query of an unknown field", "400 INVALID_FIELD: No such column 'Nope' on entity 'Lead' …"
)
def test_unknown_field(client):
    code, message = refused(client, "SELECT Nope FROM Lead")
    assert (code, "No such column 'Nope' on entity 'Lead'" in message) == ("INVALID_FIELD", True)


@operation(
    "queries", "query of an unknown object", "400 INVALID_TYPE: sObject type 'Nope' is not supported …"
)
def test_unknown_object(client):
    code, message = refused(client, "SELECT Id FROM Nope")
    assert (code, "sObject type 'Nope' is not supported" in message) == ("INVALID_TYPE", True)


@operation("queries", "query_more with a stale locator", "400 INVALID_QUERY_LOCATOR: after two days")
def test_stale_locator(api, client, many):
    many(2_001)
    url = client.query("SELECT Id FROM Lead")["nextRecordsUrl"]
    api.control("clock", {"advance": 2 * 24 * 3600 + 1})
    with pytest.raises(SalesforceMalformedRequest) as stale:
        client.query_more(url, identifier_is_url=True)
    assert stale.value.content[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


@operation("queries", "search (SOSL)", "not built: 501 NOT_IMPLEMENTED, which Salesforce does not have")
def test_search(client):
    with pytest.raises(SalesforceGeneralError) as absent:
        client.search("FIND {Lovelace} RETURNING Lead(Id)")
    assert (absent.value.status, absent.value.content[0]["errorCode"]) == (501, "NOT_IMPLEMENTED")
