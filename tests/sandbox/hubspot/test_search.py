"""Search: filters, limits, order, paging, and an index that is late."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

SEARCH = "/crm/v3/objects/contacts/search"


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    told = {"propertyName": name, "operator": operator, **more}
    return told | ({} if value is None else {"value": value})


def search(account, *filters: dict[str, Any], kind: str = "contacts", **more: Any):
    groups = [{"filters": list(filters)}] if filters else []
    return account.call("POST", f"/crm/v3/objects/{kind}/search", {"filterGroups": groups, **more})


def names(account, *filters: dict[str, Any], **more: Any) -> list[str]:
    answer = search(account, *filters, properties=["firstname"], **more)
    assert answer.status_code == 200, answer.text
    return [row["properties"]["firstname"] for row in answer.json()["results"]]


@pytest.fixture
def people(account):
    """Three contacts that differ in every kind of property."""
    account.control("faults", {"limits": {"search_per_s": None}})
    common = {"company": "Analytical Engines"}
    account.contact(
        email="ada@example.com", firstname="Ada", leadrelay_score="9", lifecyclestage="lead",
        first_touch_at="2026-11-01T10:00:00Z", **common,
    )  # fmt: skip
    account.contact(
        email="bob@sample.example", firstname="Bob", leadrelay_score="10", lifecyclestage="customer",
        first_touch_at="2026-11-02T10:00:00Z", hs_additional_emails="rob@x.example;bobby@x.example", **common,
    )  # fmt: skip
    account.contact(firstname="Cy", phone="+49 30 1234")
    return account


MS = {"1 Nov": "1793527200000", "2 Nov": "1793613600000"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (where("email", "EQ", "ADA@example.com"), ["Ada"]),
        (where("email", "NEQ", "ada@example.com"), ["Bob"]),
        (where("firstname", "EQ", "bob"), ["Bob"]),
        (where("lifecyclestage", "EQ", "lead"), ["Ada"]),
        (where("lifecyclestage", "EQ", "LEAD"), []),
        (where("leadrelay_score", "GT", "9"), ["Bob"]),
        (where("leadrelay_score", "GTE", "9"), ["Ada", "Bob"]),
        (where("leadrelay_score", "LT", 10), ["Ada"]),
        (where("leadrelay_score", "LTE", "10"), ["Ada", "Bob"]),
        (where("leadrelay_score", "BETWEEN", "9.5", highValue="20"), ["Bob"]),
        (where("first_touch_at", "EQ", MS["1 Nov"]), ["Ada"]),
        (where("first_touch_at", "GT", MS["1 Nov"]), ["Bob"]),
        (where("first_touch_at", "BETWEEN", MS["1 Nov"], highValue=MS["2 Nov"]), ["Ada", "Bob"]),
        (where("first_touch_at", "GT", "0"), ["Ada", "Bob"]),  # where a poll begins
        (where("firstname", "IN", values=["ada", "cy"]), ["Ada", "Cy"]),
        (where("firstname", "IN", values=["Ada"]), []),
        (where("firstname", "NOT_IN", values=["ada"]), ["Bob", "Cy"]),
        (where("lifecyclestage", "IN", values=["lead", "customer"]), ["Ada", "Bob"]),
        (where("email", "HAS_PROPERTY"), ["Ada", "Bob"]),
        (where("email", "NOT_HAS_PROPERTY"), ["Cy"]),
        (where("email", "CONTAINS_TOKEN", "*@sample.example"), ["Bob"]),
        (where("company", "CONTAINS_TOKEN", "ENGINES"), ["Ada", "Bob"]),
        (where("company", "CONTAINS_TOKEN", "Eng*"), ["Ada", "Bob"]),
        (where("firstname", "NOT_CONTAINS_TOKEN", "ada"), ["Bob", "Cy"]),
        (where("hs_additional_emails", "EQ", "bobby@x.example"), ["Bob"]),
        (where("hs_object_id", "GT", "101"), ["Bob", "Cy"]),
        (where("hs_object_id", "IN", values=["101", "103", "999"]), ["Ada", "Cy"]),
    ],
    ids=lambda told: f"{told['propertyName']} {told['operator']}" if isinstance(told, dict) else "",
)
def test_operators(people, told, found):
    assert names(people, told) == found


def test_filters_of_a_group_are_and_groups_are_or(people):
    assert names(people, where("firstname", "EQ", "ada"), where("lifecyclestage", "EQ", "customer")) == []
    body = {
        "filterGroups": [
            {"filters": [where("firstname", "EQ", "cy")]},
            {"filters": [where("lifecyclestage", "EQ", "lead"), where("email", "HAS_PROPERTY")]},
        ]
    }
    told = people.call("POST", SEARCH, body).json()
    assert [row["properties"]["firstname"] for row in told["results"]] == ["Ada", "Cy"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("ADA", ["Ada"]), ("engines bo", ["Bob"]), ("1234", ["Cy"]), ("rob", ["Bob"]), ("zoe", [])],
)
def test_the_query_looks_for_words_in_the_searchable_properties(people, query, found):
    assert names(people, query=query) == found


def test_the_vendors_client_searches_and_pages(people):
    api = people.client.crm.contacts.search_api
    groups = [FilterGroup(filters=[Filter(property_name="company", operator="HAS_PROPERTY")])]
    first = api.do_search(
        public_object_search_request=PublicObjectSearchRequest(
            filter_groups=groups, limit=1, properties=["phone"]
        )
    )
    assert (first.total, first.paging.next.after, first.results[0].properties["phone"]) == (2, "1", None)
    rest = api.do_search(
        public_object_search_request=PublicObjectSearchRequest(filter_groups=groups, limit=1, after="1")
    )
    assert (len(rest.results), rest.paging) == (1, None)
    assert set(rest.results[0].properties) == {
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    }


@pytest.mark.parametrize(
    ("sorts", "found"),
    [
        ([], ["Ada", "Bob", "Cy"]),
        ([{"propertyName": "firstname", "direction": "DESCENDING"}], ["Cy", "Bob", "Ada"]),
        ([{"propertyName": "leadrelay_score", "direction": "ASCENDING"}], ["Ada", "Bob", "Cy"]),
        (["-leadrelay_score"], ["Bob", "Ada", "Cy"]),
    ],
)
def test_one_sort_numbers_as_numbers_and_records_without_a_value_last(people, sorts, found):
    assert names(people, sorts=sorts) == found


def test_associations_are_a_property_to_filter_by(people):
    company = people.make("companies", name="ACME")
    contact = people.make("contacts", (company, 1), firstname="Dee")
    assert names(people, where("associations.company", "EQ", company)) == ["Dee"]
    told = search(people, where("associations.contacts", "EQ", contact), kind="companies").json()
    assert [row["id"] for row in told["results"]] == [company]


def test_archived_and_merged_records_are_never_found(people):
    people.call("DELETE", "/crm/v3/objects/contacts/103")
    merged = people.call(
        "POST", "/crm/v3/objects/contacts/merge", {"primaryObjectId": "101", "objectIdToMerge": "102"}
    ).json()["id"]
    assert [row["id"] for row in search(people).json()["results"]] == [merged]
    assert names(people, where("hs_merged_object_ids", "EQ", "102")) == ["Ada"]


FILTER = where("email", "HAS_PROPERTY")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"filterGroups": [{"filters": [FILTER]}] * 6}, "too many filterGroups (count: 6, max allowed: 5)"),
        (
            {"filterGroups": [{"filters": [FILTER] * 7}]},
            "too many filters per filterGroup (count: 7, max allowed: 6)",
        ),
        ({"filterGroups": [{"filters": [FILTER] * 5}] * 4}, "too many filters (count: 20, max allowed: 18)"),
        ({"sorts": ["email", "firstname"]}, "too many sorts (count: 2, max allowed: 1)"),
        ({"limit": 201}, "Invalid limit: 201. It must be between 1 and 200."),
        ({"after": "x"}, "Invalid after: x. It must be a whole number."),
        ({"after": "10000"}, "Invalid after: 10000. A search goes to the first 10000 results only."),
        ({"query": "x" * 3000}, "the body is longer than 3000 characters"),
        ({"filters": [where("shoe_size", "EQ", "9")]}, 'there is no property "shoe_size" to filter by'),
        ({"filters": [where("email", "LIKE", "x")]}, "LIKE is no operator"),
        ({"filters": [where("leadrelay_score", "GT", "much")]}, "much is no number"),
        ({"filters": [where("createdate", "GT", "noon")]}, "noon is no time"),
        ({"filters": [where("email", "IN")]}, "operator IN needs a list of values"),
        ({"filters": [where("email", "EQ")]}, "operator EQ needs a value"),
    ],
)
def test_a_search_that_cannot_be_is_400(account, body, message):
    refused = account.call("POST", SEARCH, body)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    assert message in refused.json()["message"]


def test_the_body_limit_counts_characters_not_bytes(account):
    query = "é" * (3000 - len(json.dumps({"query": ""})))
    answer = account.session.post(
        f"{account.url}{SEARCH}", data=json.dumps({"query": query}, ensure_ascii=False).encode(), timeout=60
    )
    assert answer.status_code == 200


def test_five_searches_a_second_and_a_429_of_their_own_without_rate_headers(account):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    answers = [search(account) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert not [
        name for answer in answers for name in answer.headers if name.lower().startswith("x-hubspot-rate")
    ]
    body = answers[-1].json()
    assert (body["message"], body["category"]) == ("You have reached your secondly limit.", "RATE_LIMITS")
    assert not {"policyName", "errorType"} & set(body)
    left = account.call("GET", "/crm/v3/owners").headers["X-HubSpot-RateLimit-Remaining"]
    assert left == "109", "searches do not count towards the ten seconds"
    account.control("clock", {"advance": 1})
    assert search(account).status_code == 200


def test_the_index_is_late_by_the_virtual_clock(account):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    contact = account.contact(firstname="Ada", city="York")
    account.control("clock", {"advance": 60})
    account.control("faults", {"search_lag_ms": 10_000, "limits": {"search_per_s": None}})
    late = account.contact(firstname="Bob")
    account.call("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"city": "Leeds"}})
    account.control("clock", {"advance": 9})
    [seen] = search(account, properties=["city"]).json()["results"]
    assert (seen["id"], seen["properties"]["city"]) == (contact, "York")
    assert seen["properties"]["lastmodifieddate"] == "2030-01-01T00:00:00.000Z"
    assert names(account, where("city", "EQ", "leeds")) == []
    account.control("clock", {"advance": 1})
    assert names(account) == ["Ada", "Bob"]
    assert names(account, where("city", "EQ", "leeds")) == ["Ada"]
    account.call("DELETE", f"/crm/v3/objects/contacts/{late}")
    assert names(account) == ["Ada"]


@pytest.mark.parametrize("path", ["/crm/objects/2026-03/0-1/search", "/crm/objects/2026-09/contacts/search"])
def test_every_path_scheme_searches(account, path):
    account.contact(firstname="Ada")
    assert account.call("POST", path, {}).json()["total"] == 1


def test_by_id_from_the_last_one_on_finds_the_same_whether_records_are_looked_at_or_not(people):
    first = search(people).json()["results"][0]["id"]
    ada2 = people.contact(firstname="Ada", email="ada@second.example")
    people.call("DELETE", f"/crm/v3/objects/contacts/{ada2}")
    people.contact(firstname="Di")
    above = where("hs_object_id", "GT", first)
    order = {"sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}], "limit": 2}
    slowly = search(people, above, where("hs_object_id", "HAS_PROPERTY"), **order).json()
    assert search(people, above, **order).json() == slowly
    assert [row["properties"]["firstname"] for row in slowly["results"]] == ["Bob", "Cy"]
    assert slowly["total"] == 3
