"""What a query finds, and how a wrong one is refused."""

from __future__ import annotations

import pytest

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql.filters import like_pattern
from sandbox.salesforce.soql.parser import parse

SEE = "Please reference your WSDL or the describe call for the appropriate names."


@pytest.fixture
def people(api):
    """Five leads, told apart by their first names; returns the way to ask for them."""
    anna = api.user("anna.keller@northlight.example")
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    for name, fields in {
        "Ada": {"Email": "Ada@Example.com", "Title": "CTO", "NumberOfEmployees": 50, "OwnerId": anna},
        "Bob": {"Email": "bob@example.com", "Title": "cto", "NumberOfEmployees": 500, "DoNotCall": True},
        "Cyd": {"Title": "Head of 100% _fun_", "LeadRelay_Id__c": "lr-c", "LeadRelay_Score__c": 1.5},
        "Dee": {"Email": "dee@example.com", "Title": 'it\'s \\ "x"\nnew', "ConvertedDate": None},
        "Eve": {"Email": "eve@example.org", "First_Touch_At__c": "2026-11-20T10:00:00Z"},
    }.items():
        api.lead(FirstName=name, **{key: value for key, value in fields.items() if key != "ConvertedDate"})
        api.control("clock", {"advance": 60})

    def ask(where):
        rows = api.rows(f"SELECT FirstName FROM Lead WHERE {where} ORDER BY FirstName")
        return "".join(row["FirstName"][0] for row in rows)

    return ask


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Email = 'ada@example.COM'", "A"),
        ("email != 'ADA@example.com'", "BCDE"),
        ("Email <> 'ada@example.com' AND Email != null", "BDE"),
        ("Email = null", "C"),
        ("Email = ''", "C"),
        ("Title = 'CTO'", "AB"),
        ("Email IN ('ada@example.com', 'EVE@example.org', 'x@y.z')", "AE"),
        ("Email NOT IN ('ada@example.com', 'eve@example.org')", "BCD"),
        ("Email IN ('ada@example.com', null)", "AC"),
        ("Email IN ('bob@example.com') OR LeadRelay_Id__c IN ('LR-C')", "BC"),
        ("(Email = 'bob@example.com' AND Title = 'cto') OR LeadRelay_Id__c = 'lr-c'", "BC"),
        ("Email = 'bob@example.com' AND Title = 'CEO'", ""),
        ("NOT Title = 'cto'", "CDE"),
        ("NOT (Title = 'cto' OR LeadRelay_Id__c = 'lr-c')", "DE"),
        ("NumberOfEmployees > 50", "B"),
        ("NumberOfEmployees >= 50.0 AND NumberOfEmployees < 501", "AB"),
        ("LeadRelay_Score__c = 1.5", "C"),
        ("DoNotCall = TRUE", "B"),
        ("DoNotCall != true", "ACDE"),
        ("Email LIKE '%@example.com'", "ABD"),
        ("Email LIKE '___@EXAMPLE%'", "ABDE"),
        (r"Title LIKE '%100\% \_fun\_'", "C"),
        (r"Title LIKE '%100\%_fun%'", ""),
        (r"Title = 'it\'s \\ \"x\"\nnew'", "D"),
        (r"FirstName = '\u0041da'", "A"),
        ("FirstName > 'bob' AND FirstName < 'EVE'", "CD"),
        ("CreatedDate >= 2026-11-21T10:02:00Z", "CDE"),
        ("CreatedDate > 2026-11-21T12:02:00+02:00", "DE"),
        ("CreatedDate <= 2026-11-21T10:00:00.000+0000", "A"),
        ("First_Touch_At__c < 2026-11-21T00:00:00Z", "E"),
        ("SystemModstamp > 2026-11-21T10:03:00Z", "E"),
        ("SystemModstamp = 2026-11-21T10:03:00Z", "D"),
        ("SystemModstamp > 2026-11-21T10:03:00Z OR SystemModstamp = 2026-11-21T10:03:00Z", "DE"),
        ("SystemModstamp >= 2026-11-21T10:01:00Z AND Title = 'cto'", "B"),
        ("Owner.Email = 'ANNA.keller@northlight.example'", "A"),
        ("Owner.Type = 'User' AND Owner.Name != 'Anna Keller'", "BCDE"),
        ("Lead.Email = 'bob@example.com'", "B"),
    ],
)
def test_conditions(people, where, found):
    assert people(where) == found


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("ORDER BY FirstName DESC", "EDCBA"),
        ("ORDER BY Email", "CABDE"),
        ("ORDER BY Email NULLS LAST", "ABDEC"),
        ("ORDER BY Email DESC", "CEDBA"),
        ("ORDER BY Email DESC NULLS LAST", "EDBAC"),
        ("ORDER BY NumberOfEmployees DESC NULLS LAST, FirstName DESC", "BAEDC"),
        ("ORDER BY Owner.Name, FirstName", "ABCDE"),
        ("ORDER BY FirstName LIMIT 2", "AB"),
        ("ORDER BY FirstName LIMIT 2 OFFSET 3", "DE"),
        ("LIMIT 0", ""),
        ("ORDER BY SystemModstamp, Id LIMIT 3", "ABC"),
        ("WHERE SystemModstamp > 2026-11-21T10:00:00Z ORDER BY SystemModstamp LIMIT 2", "BC"),
        ("", "ABCDE"),
        ("WHERE Email IN ('eve@example.org', 'bob@example.com')", "BE"),
    ],
)
def test_order_limit_and_offset(api, people, rest, found):
    rows = api.rows(f"SELECT FirstName FROM Lead {rest}")
    assert "".join(row["FirstName"][0] for row in rows) == found


def test_the_keyset_walk_sees_every_record_once_also_within_one_second(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    made = [api.lead() for _ in range(5)]
    api.control("clock", {"advance": 1})
    api.patch(f"sobjects/Lead/{made[1]}", {"Title": "x"})
    made.append(api.lead())
    seen, stamp, last = [], "2020-01-01T00:00:00Z", "000000000000000"
    while rows := api.rows(
        f"SELECT Id, SystemModstamp FROM Lead WHERE SystemModstamp > {stamp} "
        f"OR (SystemModstamp = {stamp} AND Id > '{last}') ORDER BY SystemModstamp, Id LIMIT 2"
    ):
        seen += [row["Id"] for row in rows]
        stamp, last = rows[-1]["SystemModstamp"].replace("+0000", "Z"), rows[-1]["Id"]
    assert seen == [made[0], made[2], made[3], made[4], made[1], made[5]]


def test_rows_tell_fields_in_their_own_case_and_parents_as_objects(api, people):
    people("Email = null")
    [row] = api.query(
        "select firstname, owner.name, OWNER.EMAIL, owner.type, id from LEAD where firstname='Ada'"
    ).json()["records"]
    anna = api.user("anna.keller@northlight.example")
    assert row == {
        "attributes": {"type": "Lead", "url": f"/services/data/v68.0/sobjects/Lead/{row['Id']}"},
        "FirstName": "Ada",
        "Owner": {
            "attributes": {"type": "Name", "url": f"/services/data/v68.0/sobjects/User/{anna}"},
            "Name": "Anna Keller",
            "Email": "anna.keller@northlight.example",
            "Type": "User",
        },
        "Id": row["Id"],
    }


def test_the_owner_of_a_contact_is_told_as_a_user_and_an_empty_parent_as_null(api):
    api.contact()
    [row] = api.query("SELECT Owner.Name, ReportsTo.Name, MasterRecord.Id FROM Contact").json()["records"]
    assert row["Owner"]["attributes"]["type"] == "User"
    assert (row["ReportsTo"], row["MasterRecord"]) == (None, None)


def test_count_has_a_size_and_no_records(api, people):
    people("Email = null")
    assert api.query("SELECT count() FROM Lead WHERE Title = 'cto'").json() == {
        "totalSize": 2, "done": True, "records": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT Id Foo Bar FROM Lead",
            "MALFORMED_QUERY",
            "\nSELECT Id Foo Bar FROM Lead\n          ^\nERROR at Row:1:Column:11\nunexpected token: 'Foo'",
        ),
        ("SELECT Id FORM Lead", "MALFORMED_QUERY", "unexpected token: 'FORM'"),
        ("SELECT Id FROM Lead WHERE Email", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Lead WHERE Email = ada", "MALFORMED_QUERY", "unexpected token: 'ada'"),
        ("SELECT Id FROM Lead WHERE Email IS NULL", "MALFORMED_QUERY", "unexpected token: 'IS'"),
        (
            "SELECT Id FROM Lead WHERE Email = :mail",
            "MALFORMED_QUERY",
            "Bind variables only allowed in Apex code",
        ),
        ("SELECT Id FROM Lead WHERE Email IN ()", "MALFORMED_QUERY", "unexpected token: ')'"),
        (
            "SELECT Id FROM Lead WHERE Title = 'a' AND City = 'b' OR City = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Id FROM Lead WHERE Title = 'it's'",
            "MALFORMED_QUERY",
            "line 1:40 mismatched character '<EOF>' expecting '''",
        ),
        (
            r"SELECT Id FROM Lead WHERE Title = 'a\zb'",
            "MALFORMED_QUERY",
            "no viable alternative at character '\\'",
        ),
        ("SELECT Id FROM Lead LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id; FROM Lead", "MALFORMED_QUERY", "unexpected token: ';'"),
        (
            "SELECT Id FROM Lead WHERE CreatedDate > 2026-11-21T10:00:00 00:00",
            "MALFORMED_QUERY",
            "unexpected token",
        ),
        ("SELECT Id, Id FROM Lead", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("", "MALFORMED_QUERY", "SOQL statements cannot be empty or null"),
        (
            "SELECT Id FROM Lead OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            "SELECT Shoe__c FROM Lead",
            "INVALID_FIELD",
            "\nSELECT Shoe__c FROM Lead\n       ^\nERROR at Row:1:Column:8\n"
            "No such column 'Shoe__c' on entity 'Lead'. If you are attempting to use a custom field, "
            f"be sure to append the '__c' after the custom field name. {SEE}",
        ),
        (
            "SELECT Id FROM Lead WHERE Shoe.Size = 1",
            "INVALID_FIELD",
            "Didn't understand relationship 'Shoe' in field path. If you are attempting to use "
            f"a custom relationship, be sure to append the '__r' after the custom relationship name. {SEE}",
        ),
        (
            "select count() from XYZZY",
            "INVALID_TYPE",
            "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n"
            "sObject type 'XYZZY' is not supported. If you are attempting to use a custom object, "
            f"be sure to append the '__c' after the entity name. {SEE}",
        ),
        (
            "SELECT Id FROM Lead WHERE CreatedDate > '2026-11-21T10:00:00Z'",
            "INVALID_FIELD",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime "
            "and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Lead WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "must be of type int"),
        ("SELECT Id FROM Lead WHERE DoNotCall = 'true'", "INVALID_FIELD", "must be of type boolean"),
        (
            "SELECT Id FROM Lead WHERE Email = 5",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Lead ORDER BY Description",
            "INVALID_FIELD",
            "field 'Description' can not be sorted",
        ),
        (
            "SELECT Id FROM Lead WHERE Id = 'nonsense'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: nonsense",
        ),
        ("SELECT Id FROM Lead WHERE DoNotCall > true", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator"),
        (
            "SELECT Id FROM Lead WHERE CreatedDate LIKE '2026%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator",
        ),
        ("SELECT Id FROM Lead WHERE Title = '" + "x" * 4_001 + "'", "MALFORMED_QUERY", "4000 characters"),
        (
            "SELECT Id\nFROM Lead\nWHERE Shoe = 1",
            "INVALID_FIELD",
            "\nWHERE Shoe = 1\n      ^\nERROR at Row:3:Column:7\n",
        ),
    ],
)
def test_a_wrong_query_is_a_400_that_shows_the_place(api, soql, code, message):
    answer = api.query(soql)
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    assert message in error["message"]


def test_a_query_has_to_be_given(api):
    answer = api.get("query")
    assert answer.status_code == 400
    assert answer.json() == [
        {"message": "A query string has to be specified", "errorCode": "MALFORMED_QUERY"}
    ]


@pytest.mark.parametrize(
    ("soql", "named"),
    [
        ("SELECT Status, COUNT(Id) FROM Lead GROUP BY ROLLUP(Status)", "GROUP BY ROLLUP"),
        ("SELECT Id FROM Lead l, l.Owner o", "several objects"),
        ("SELECT toLabel(Status) FROM Lead", "TOLABEL()"),
        ("SELECT TYPEOF Owner WHEN User THEN Id END FROM Lead", "TYPEOF"),
        ("SELECT Id FROM Lead FOR UPDATE", "FOR VIEW"),
        ("SELECT Id FROM Lead WITH SECURITY_ENFORCED", "WITH"),
        ("SELECT Id FROM Asset", "the object Asset"),
        ("SELECT Asset.Name FROM Case", "the object Asset"),
        ("SELECT Id FROM Lead WHERE Status INCLUDES ('a')", "INCLUDES"),
    ],
)
def test_what_soql_has_and_the_sandbox_has_not_is_named_by_a_501(api, soql, named):
    answer = api.query(soql)
    assert answer.status_code == 501
    [error] = answer.json()
    assert (error["errorCode"], named in error["message"]) == ("NOT_IMPLEMENTED", True)


def test_a_query_may_have_100000_characters_and_no_more():
    fits = "SELECT Id FROM Lead WHERE Title = 'x'"
    assert parse(fits.ljust(100_000)).limit is None
    with pytest.raises(SalesforceError, match="100000"):
        parse(fits.ljust(100_001))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a%", "ABC", True), ("%c", "abc", True), ("a_c", "abc", True), ("a_c", "ac", False),
        (r"a\_c", "abc", False),
        (r"a\_c", "a_c", True), (r"\%", "%", True), ("a.c", "abc", False), ("%", "", True),
        ("a%", "a\nb", True),
        (r"\\", "\\", True),
    ],
)  # fmt: skip
def test_like_patterns(pattern, text, matches):
    assert (like_pattern(pattern).fullmatch(text) is not None) is matches
