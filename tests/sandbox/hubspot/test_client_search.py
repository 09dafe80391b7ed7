"""hubspot-api-client, searching."""

from __future__ import annotations

import json

import pytest
from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

from tests.sandbox.operations import operation


@pytest.fixture
def search(account):
    api = account.strict.crm.contacts.search_api

    def run(**asked):
        return api.do_search(PublicObjectSearchRequest(**asked))

    return run


@pytest.fixture
def cities(account):
    """Contacts a, b and c of three cities."""
    account.control("faults", {"limits": {"search_per_s": None}})
    named = {"a": "York", "b": "Leeds", "c": "Hull"}
    return {name: account.contact(email=f"{name}@example.com", city=city) for name, city in named.items()}


def group(*filters):
    return FilterGroup(filters=[Filter(**one) for one in filters])


def where(name, operator, value=None, **more):
    return {"property_name": name, "operator": operator, "value": value, **more}


@operation(
    "search",
    "crm.contacts.search_api.do_search(filter_groups)",
    "200: groups are OR, filters of a group AND; total and results",
)
def test_groups(search, cities):
    both = group(where("city", "EQ", "york"), where("email", "EQ", "a@example.com"))
    told = search(filter_groups=[both, group(where("city", "EQ", "Hull"))], properties=["city"])
    assert (told.total, [one.id for one in told.results]) == (2, [cities["a"], cities["c"]])
    assert told.results[0].properties["city"] == "York"


@operation(
    "search",
    "crm.contacts.search_api.do_search, each operator",
    "EQ NEQ LT LTE GT GTE BETWEEN IN NOT_IN HAS_PROPERTY NOT_HAS_PROPERTY CONTAINS_TOKEN NOT_CONTAINS_TOKEN",
)
def test_operators(search, cities):
    operators = {
        "a": [
            where("city", "EQ", "york"), where("city", "GT", "leeds"), where("email", "LT", "b"),
            where("city", "IN", values=["york"]), where("email", "CONTAINS_TOKEN", "a*"),
        ],
        "ab": [
            where("city", "NEQ", "hull"), where("city", "GTE", "leeds"),
            where("city", "NOT_IN", values=["hull"]),
        ],
        "bc": [
            where("city", "LTE", "leeds"), where("city", "BETWEEN", "hull", high_value="leeds"),
            where("email", "NOT_CONTAINS_TOKEN", "a*"),
        ],
        "abc": [where("city", "HAS_PROPERTY"), where("phone", "NOT_HAS_PROPERTY")],
    }  # fmt: skip
    for names, several in operators.items():
        for one in several:
            told = search(filter_groups=[group(one)])
            assert [row.id for row in told.results] == [cities[name] for name in names], one


@operation(
    "search",
    "crm.contacts.search_api.do_search(sorts, limit, after)",
    "200: sorted pages; after is an offset",
)
def test_pages(search, cities):
    sorts = [{"propertyName": "email", "direction": "DESCENDING"}]
    first = search(sorts=sorts, limit=2)
    assert (first.paging.next.after, first.total) == ("2", 3)
    second = search(sorts=sorts, limit=2, after=first.paging.next.after)
    assert [one.id for one in (*first.results, *second.results)] == [cities[name] for name in "cba"]
    assert second.paging is None


@operation("search", "crm.contacts.search_api.do_search", "200: 10 results without a limit, oldest first")
def test_defaults(account, search):
    rows = [{"properties": {"email": f"{number}@example.com"}} for number in range(11)]
    account.call("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": rows})
    told = search()
    assert (told.total, len(told.results)) == (11, 10)
    assert [int(one.id) for one in told.results] == sorted(int(one.id) for one in told.results)


@operation(
    "search", "crm.contacts.search_api.do_search(query)", "200: words looked for in the default properties"
)
def test_query(account, search):
    made = account.contact(email="ada@example.com", lastname="Lovelace")
    account.contact(email="bob@example.com")
    assert [one.id for one in search(query="lovelace").results] == [made]


@operation(
    "search", "crm.contacts.search_api.do_search(associations.company)", "200: the contacts of a company"
)
def test_by_association(account, search):
    company = account.make("companies", name="ACME")
    made = account.make("contacts", (company, 279), email="ada@example.com")
    account.contact(email="bob@example.com")
    told = search(filter_groups=[group(where("associations.company", "EQ", company))])
    assert [one.id for one in told.results] == [made]


@operation("search", "crm.contacts.search_api.do_search(after=10000)", "400: no more than 10,000 results")
def test_the_end(search, raises_status):
    error = raises_status(400, search, limit=100, after="10000")
    assert json.loads(error.body)["status"] == "error"


@operation("search", "crm.contacts.search_api.do_search(limit=201)", "400: at most 200 a page")
def test_a_page_too_large(search, raises_status):
    raises_status(400, search, limit=201)


@operation("search", "crm.contacts.search_api.do_search of two sorts", "400: exactly one sort")
def test_two_sorts(search, raises_status):
    raises_status(400, search, sorts=["email", "city"])


@operation(
    "search", "crm.contacts.search_api.do_search of six groups", "400: at most five groups of six filters"
)
def test_too_many_groups(search, raises_status):
    raises_status(400, search, filter_groups=[group(where("city", "EQ", "York"))] * 6)


@operation(
    "search",
    "crm.contacts.search_api.do_search, six in a second",
    "429 RATE_LIMITS: You have reached your secondly limit.; no rate headers",
)
def test_the_limit_of_a_second(account, search, raises_status):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    for _ in range(5):
        search()
    error = raises_status(429, search)
    body = json.loads(error.body)
    assert (body["category"], body["message"]) == ("RATE_LIMITS", "You have reached your secondly limit.")
    assert not [name for name in error.headers if "ratelimit" in name.lower()]
