"""Aggregates, GROUP BY and HAVING."""

from __future__ import annotations

import pytest


@pytest.fixture
def deals(api):
    """Six opportunities in three stages; one has no amount."""
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    for stage, amount, source in [
        ("Prospecting", 10, "Web"), ("Prospecting", 20, "web"), ("Prospecting", None, None),
        ("Closed Won", 30, "Web"), ("Closed Won", 30, "Other"), ("Closed Lost", 5, None),
    ]:  # fmt: skip
        api.make(
            "Opportunity", Name=f"{stage} {amount}", StageName=stage, CloseDate="2026-12-31", Amount=amount,
            LeadSource=source,
        )  # fmt: skip
    return api


@pytest.mark.parametrize(
    ("soql", "rows"),
    [
        ("SELECT COUNT(Id) FROM Opportunity", [{"expr0": 6}]),
        ("SELECT COUNT(Amount), COUNT_DISTINCT(Amount) FROM Opportunity", [{"expr0": 5, "expr1": 4}]),
        ("SELECT COUNT_DISTINCT(LeadSource) n FROM Opportunity", [{"n": 2}]),
        ("SELECT SUM(Amount), AVG(Amount), MIN(Amount), MAX(Amount) FROM Opportunity",
         [{"expr0": 95.0, "expr1": 19.0, "expr2": 5.0, "expr3": 30.0}]),
        ("SELECT MIN(Name) a, MAX(CloseDate) b FROM Opportunity",
         [{"a": "Closed Lost 5", "b": "2026-12-31"}]),
        ("SELECT SUM(Amount) FROM Opportunity WHERE Name = 'nobody'", [{"expr0": None}]),
        ("SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName",
         [{"StageName": "Closed Lost", "expr0": 1}, {"StageName": "Closed Won", "expr0": 2},
          {"StageName": "Prospecting", "expr0": 3}]),
        ("SELECT StageName s, SUM(Amount) total FROM Opportunity GROUP BY StageName "
         "HAVING SUM(Amount) > 5 ORDER BY SUM(Amount) DESC",
         [{"s": "Closed Won", "total": 60.0}, {"s": "Prospecting", "total": 30.0}]),
        ("SELECT StageName FROM Opportunity GROUP BY StageName "
         "HAVING COUNT(Id) < 3 AND StageName LIKE '%won'",
         [{"StageName": "Closed Won"}]),
        ("SELECT LeadSource, COUNT(Id) FROM Opportunity GROUP BY LeadSource ORDER BY LeadSource NULLS LAST",
         [{"LeadSource": "Other", "expr0": 1}, {"LeadSource": "Web", "expr0": 3},
          {"LeadSource": None, "expr0": 2}]),
        ("SELECT IsWon, LeadSource, COUNT(Id) n FROM Opportunity WHERE LeadSource != null "
         "GROUP BY IsWon, LeadSource ORDER BY COUNT(Id) DESC, IsWon LIMIT 2",
         [{"IsWon": False, "LeadSource": "Web", "n": 2}, {"IsWon": True, "LeadSource": "Other", "n": 1}]),
        ("SELECT Owner.Name, COUNT(Id) FROM Opportunity GROUP BY Owner.Name",
         [{"Name": "Integration User", "expr0": 6}]),
        ("SELECT CALENDAR_YEAR(CreatedDate) y, CALENDAR_MONTH(CreatedDate), DAY_ONLY(CreatedDate) d, "
         "COUNT(Id) "
         "FROM Opportunity GROUP BY CALENDAR_YEAR(CreatedDate), CALENDAR_MONTH(CreatedDate), "
         "DAY_ONLY(CreatedDate)",
         [{"y": 2026, "expr0": 11, "d": "2026-11-21", "expr1": 6}]),
        ("SELECT o.StageName, COUNT(o.Id) FROM Opportunity o WHERE o.IsWon = true GROUP BY o.StageName",
         [{"StageName": "Closed Won", "expr0": 2}]),
        ("SELECT COUNT(Id) FROM Opportunity WHERE FISCAL_QUARTER(CloseDate) = 4", [{"expr0": 6}]),
    ],
)  # fmt: skip
def test_groups(deals, soql, rows):
    answer = deals.query(soql)
    assert answer.status_code == 200, answer.text
    told = [{"attributes": {"type": "AggregateResult"}, **row} for row in rows]
    assert answer.json() == {"totalSize": len(rows), "done": True, "records": told}


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT Name, COUNT(Id) FROM Opportunity", "MALFORMED_QUERY", "must be grouped or aggregated: Name"),
        ("SELECT Name FROM Opportunity GROUP BY StageName", "MALFORMED_QUERY", "must be grouped"),
        ("SELECT SUM(Name) FROM Opportunity", "MALFORMED_QUERY", "does not support aggregate operator SUM"),
        ("SELECT COUNT(Id) FROM Opportunity GROUP BY Amount", "INVALID_FIELD", "'Amount' can not be grouped"),
        ("SELECT Name n FROM Opportunity", "MALFORMED_QUERY", "only aggregate expressions use field alias"),
        ("SELECT COUNT(Id) n, SUM(Amount) n FROM Opportunity", "MALFORMED_QUERY", "duplicate alias: n"),
        ("SELECT COUNT(Shoe__c) FROM Opportunity", "INVALID_FIELD", "No such column 'Shoe__c'"),
        ("SELECT Id FROM Opportunity WHERE COUNT(Id) > 1", "MALFORMED_QUERY", "not allowed here"),
        ("SELECT COUNT() FROM Opportunity GROUP BY StageName", "MALFORMED_QUERY", "token: 'GROUP'"),
        ("SELECT COUNT(), Id FROM Opportunity", "MALFORMED_QUERY", "unexpected token: ','"),
        ("SELECT CALENDAR_YEAR(Name) FROM Opportunity GROUP BY CALENDAR_YEAR(Name)", "MALFORMED_QUERY",
         "does not support date function"),
    ],
)  # fmt: skip
def test_what_cannot_be_grouped(deals, soql, code, message):
    answer = deals.query(soql)
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    assert message in error["message"]


def test_an_aggregate_has_no_second_page(api):
    for start in range(0, 2_200, 200):
        records = [
            {"attributes": {"type": "Lead"}, "LastName": f"L{start + place}", "Company": "x"}
            for place in range(200)
        ]
        api.post("composite/sobjects", {"records": records})
    answer = api.query("SELECT LastName, COUNT(Id) FROM Lead GROUP BY LastName")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    limited = api.query("SELECT LastName, COUNT(Id) FROM Lead GROUP BY LastName LIMIT 2000").json()
    assert (limited["totalSize"], limited["done"]) == (2_000, True)
