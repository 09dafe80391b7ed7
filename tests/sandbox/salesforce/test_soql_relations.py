"""Parents of parents, children in rows, and queries within a WHERE."""

from __future__ import annotations

import pytest


@pytest.fixture
def firm(api):
    """An account with a parent, two contacts and an opportunity."""
    group = api.make("Account", Name="Group", OwnerId=api.user("anna.keller@northlight.example"))
    account = api.make("Account", Name="Engines", ParentId=group)
    ada, bob = (api.contact(FirstName=name, LastName="L", AccountId=account) for name in ("Ada", "Bob"))
    deal = api.make(
        "Opportunity", Name="D", StageName="Closed Won", CloseDate="2026-12-31", AccountId=account, Amount=5
    )
    api.make("OpportunityContactRole", OpportunityId=deal, ContactId=ada, IsPrimary=True)
    return {"group": group, "account": account, "ada": ada, "bob": bob, "deal": deal}


def test_parents_are_told_over_several_hops(api, firm):
    [row] = api.query(
        "SELECT Account.Parent.Owner.Email, Account.Parent.Name, Account.Name, Id FROM Contact "
        "WHERE Account.Parent.Owner.FirstName = 'anna' AND FirstName = 'Ada'"
    ).json()["records"]
    account = row["Account"]
    assert list(account) == ["attributes", "Parent", "Name"]
    assert account["attributes"] == {
        "type": "Account", "url": f"/services/data/v68.0/sobjects/Account/{firm['account']}",
    }  # fmt: skip
    assert account["Parent"]["attributes"]["type"] == "Account"
    assert account["Parent"]["Owner"] == {
        "attributes": {"type": "User", "url": account["Parent"]["Owner"]["attributes"]["url"]},
        "Email": "anna.keller@northlight.example",
    }
    assert account["Parent"]["Name"] == "Group"


def test_a_missing_parent_is_null_at_its_level(api, firm):
    [row] = api.query("SELECT Parent.Name, Parent.Parent.Name FROM Account WHERE Name = 'Engines'").json()[
        "records"
    ]
    assert (row["Parent"]["Name"], row["Parent"]["Parent"]) == ("Group", None)
    assert api.rows("SELECT Parent.Name FROM Account WHERE Name = 'Group'") == [{"Parent": None}]


def test_who_and_what_of_a_task_are_names(api, firm):
    api.make("Task", WhoId=firm["ada"], WhatId=firm["deal"])
    api.make("Task", WhoId=api.lead(FirstName="Cyd"))
    rows = api.rows("SELECT Who.Name, Who.Type, What.Name, What.Type FROM Task ORDER BY Id")
    told = [
        [row[name] and (row[name]["Name"], row[name]["Type"]) for name in ("Who", "What")] for row in rows
    ]
    assert told == [[("Ada L", "Contact"), ("D", "Opportunity")], [("Cyd Lovelace", "Lead"), None]]
    assert rows[0]["Who"]["attributes"]["type"] == "Name"
    assert len(api.rows("SELECT Id FROM Task WHERE Who.Type = 'Lead'")) == 1


def test_children_are_a_result_of_their_own_or_null(api, firm):
    answer = api.query(
        "SELECT Name, (SELECT FirstName, Owner.Name FROM Contacts ORDER BY FirstName DESC), "
        "(SELECT Id FROM Opportunities WHERE IsWon = true) FROM Account ORDER BY Name"
    ).json()
    engines, group = answer["records"]
    contacts = engines["Contacts"]
    assert (contacts["totalSize"], contacts["done"]) == (2, True)
    assert [row["FirstName"] for row in contacts["records"]] == ["Bob", "Ada"]
    assert contacts["records"][0]["attributes"]["type"] == "Contact"
    assert contacts["records"][0]["Owner"]["Name"] == "Integration User"
    assert engines["Opportunities"]["totalSize"] == 1
    assert (group["Contacts"], group["Opportunities"]) == (None, None)


def test_children_have_children(api, firm):
    [row] = api.query(
        "SELECT (SELECT Id, (SELECT ContactId FROM OpportunityContactRoles) FROM Opportunities) "
        "FROM Account WHERE Name = 'Engines'"
    ).json()["records"]
    [role] = row["Opportunities"]["records"][0]["OpportunityContactRoles"]["records"]
    assert role["ContactId"] == firm["ada"]


def test_many_children_come_in_pages_of_their_own(api, firm):
    records = [
        {"attributes": {"type": "Contact"}, "LastName": f"{n:03}", "AccountId": firm["account"]}
        for n in range(200)
    ]
    for _ in range(2):
        api.post("composite/sobjects", {"records": records})
    [row] = api.query("SELECT (SELECT Id FROM Contacts) FROM Account WHERE Name = 'Engines'").json()[
        "records"
    ]
    seen, page = [], row["Contacts"]
    assert (page["totalSize"], page["done"], len(page["records"])) == (402, False, 199)
    while True:
        seen += [one["Id"] for one in page["records"]]
        if page["done"]:
            break
        page = api.get(page["nextRecordsUrl"]).json()
    assert len(seen) == len(set(seen)) == 402


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Id IN (SELECT ContactId FROM OpportunityContactRole)", ["Ada"]),
        ("Id NOT IN (SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true)", ["Bob"]),
        ("AccountId IN (SELECT Id FROM Account WHERE Parent.Name = 'Group') AND FirstName != 'Bob'", ["Ada"]),
        ("AccountId IN (SELECT AccountId FROM Opportunity WHERE IsWon = false)", []),
        ("Account.Id IN (SELECT AccountId FROM Opportunity WHERE Amount > 4)", ["Ada", "Bob"]),
    ],
)
def test_queries_within_a_where(api, firm, where, found):
    rows = api.rows(f"SELECT FirstName FROM Contact WHERE {where} ORDER BY FirstName")
    assert [row["FirstName"] for row in rows] == found


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT Id FROM Contact WHERE Id IN (SELECT Name FROM Account)", "MALFORMED_QUERY",
         "Semi join sub-selects can only query id fields, cannot use:'Name'"),
        ("SELECT Id FROM Contact WHERE LastName IN (SELECT Id FROM Account)", "MALFORMED_QUERY",
         "should be an id field, cannot use: 'LastName'"),
        ("SELECT Id FROM Contact WHERE Id IN (SELECT AccountId FROM Opportunity)", "MALFORMED_QUERY",
         "should point to the same object type"),
        ("SELECT Id FROM Contact WHERE LastName = 'x' OR "
         "Id IN (SELECT ContactId FROM OpportunityContactRole)",
         "MALFORMED_QUERY", "not allowed with the 'OR' operator"),
        ("SELECT Id, (SELECT Id FROM Shoes) FROM Account", "INVALID_TYPE",
         "Didn't understand relationship 'Shoes' in FROM part of query call"),
        ("SELECT Account.Parent.Parent.Parent.Parent.Parent.Name FROM Contact", "MALFORMED_QUERY",
         "at most 5 levels"),
        ("SELECT Id, (SELECT COUNT() FROM Contacts) FROM Account", "MALFORMED_QUERY", "Aggregates are not"),
    ],
)  # fmt: skip
def test_relations_that_are_refused(api, soql, code, message):
    answer = api.query(soql)
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    assert message in error["message"]


def test_fields_of_a_group(api):
    lead = api.lead(LeadRelay_Id__c="lr-1")
    [standard] = api.rows("SELECT FIELDS(STANDARD) FROM Lead")
    [custom] = api.rows("SELECT FIELDS(CUSTOM), Id FROM Lead LIMIT 200")
    [both] = api.rows("SELECT FIELDS(ALL) FROM Lead LIMIT 1")
    assert standard["Id"] == custom.pop("Id") == lead
    assert custom["LeadRelay_Id__c"] == "lr-1"
    assert "LeadRelay_Id__c" not in standard
    assert both.keys() == standard.keys() | custom.keys()
    for group in ("ALL", "CUSTOM"):
        for limit in ("", " LIMIT 201"):
            answer = api.query(f"SELECT FIELDS({group}) FROM Lead{limit}")
            assert answer.status_code == 400
            assert "must have a LIMIT of at most 200" in answer.json()[0]["message"]
