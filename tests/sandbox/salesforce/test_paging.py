"""Long results come in pages, behind addresses that expire."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of


def make(api, number):
    for start in range(0, number, 200):
        records = [
            {"attributes": {"type": "Lead"}, "LastName": f"L{place:05}", "Company": "x"}
            for place in range(start, min(start + 200, number))
        ]
        assert api.post("composite/sobjects", {"records": records}).status_code == 200


def walk(api, answer):
    """The last names of all pages, and the sizes of the pages."""
    names, sizes = [], []
    while True:
        body = answer.json()
        names += [row["LastName"] for row in body["records"]]
        sizes.append(len(body["records"]))
        if body["done"]:
            assert "nextRecordsUrl" not in body
            return names, sizes
        answer = api.get(body["nextRecordsUrl"])


def test_a_page_has_2000_rows_and_the_next_one_an_address(api):
    make(api, 4_100)
    first = api.query("SELECT LastName FROM Lead ORDER BY LastName")
    assert first.json()["totalSize"] == 4_100
    assert first.json()["nextRecordsUrl"].startswith("/services/data/v68.0/query/01g")
    names, sizes = walk(api, first)
    assert names == [f"L{place:05}" for place in range(4_100)]
    assert sizes == [2_000, 2_000, 100]


@pytest.mark.parametrize(("asked", "given"), [("200", 200), ("50", 200), ("250", 250), ("9999", 450)])
def test_the_batch_size_is_kept_between_200_and_2000(api, asked, given):
    make(api, 450)
    answer = api.query("SELECT LastName FROM Lead", **{"Sforce-Query-Options": f"batchSize={asked}"})
    assert len(answer.json()["records"]) == given


def test_an_exact_page_is_the_last(api):
    make(api, 200)
    answer = api.query("SELECT LastName FROM Lead", **{"Sforce-Query-Options": "batchSize=200"}).json()
    assert (answer["done"], "nextRecordsUrl" in answer) == (True, False)


def test_a_query_all_goes_on_under_query_and_still_shows_deleted_rows(api):
    make(api, 300)
    gone = [row["Id"] for row in api.rows("SELECT Id FROM Lead WHERE LastName >= 'L00200'")]
    api.delete(f"composite/sobjects?ids={','.join(gone)}")
    small = {"Sforce-Query-Options": "batchSize=200"}
    answer = api.query("SELECT LastName, IsDeleted FROM Lead ORDER BY Id", also_deleted=True, **small).json()
    assert "/query/" in answer["nextRecordsUrl"]
    rest = api.get(answer["nextRecordsUrl"]).json()
    assert [row["IsDeleted"] for row in rest["records"]] == [True] * 100


def test_an_address_lives_two_days(api):
    make(api, 201)
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    small = {"Sforce-Query-Options": "batchSize=200"}
    address = api.query("SELECT LastName FROM Lead", **small).json()["nextRecordsUrl"]
    api.control("clock", {"advance": 47 * 3600})
    assert api.get(address).json()["records"][0]["LastName"] == "L00200"
    api.control("clock", {"advance": 2 * 3600})
    assert error_of(api.get(address))[:2] == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize("address", ["query/01g5g000000000ZZZ-2000", "query/nonsense"])
def test_an_unknown_address_is_an_invalid_locator(api, address):
    assert error_of(api.get(address))[:2] == (400, "INVALID_QUERY_LOCATOR")


def test_updated_and_deleted_tell_ids_between_two_minutes(api):
    api.control("clock", {"now": "2026-11-21T10:00:30Z", "frozen": True})
    kept, gone = api.lead(), api.lead()
    api.control("clock", {"advance": 120})
    api.delete(f"sobjects/Lead/{gone}")
    api.control("clock", {"advance": 120})
    window = {"start": "2026-11-21T10:00:59+00:00", "end": "2026-11-21T10:10:00Z"}
    assert api.get("sobjects/Lead/updated/", params=window).json() == {
        "ids": [kept], "latestDateCovered": "2026-11-21T10:04:00.000+0000",
    }  # fmt: skip
    told = api.get("sobjects/Lead/deleted/", params=window).json()
    assert told["deletedRecords"] == [{"id": gone, "deletedDate": "2026-11-21T10:02:30.000+0000"}]


@pytest.mark.parametrize(
    "window",
    [
        {"start": "2026-11-21T10:00:30Z", "end": "2026-11-21T10:00:50Z"},
        {"start": "2026-11-21T10:00:30", "end": "2026-11-21T11:00:00Z"},
        {"start": "2026-10-01T10:00:00Z", "end": "2026-11-21T11:00:00Z"},
        {},
    ],
)
def test_a_window_that_cannot_be_is_an_invalid_date(api, window):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    for path in ("updated", "deleted"):
        answer = api.get(f"sobjects/Lead/{path}", params=window)
        assert error_of(answer)[:2] == (400, "INVALID_REPLICATION_DATE")
