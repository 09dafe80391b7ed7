"""Listing: all of an object, page after page, each record once, in as few calls as there are pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from connectors.base import Connector
from model.errors import NotAuthorized, RetryLater
from model.listing import Listed, Page
from tests.contracts.crms import CRMS, DIALECTS, a_new_person, fields_read

pytestmark = pytest.mark.parametrize("crm", CRMS)
PAGES = {"hubspot": 200, "salesforce": 2_000}


def names(crm: str) -> tuple[str, ...]:
    return fields_read(crm)[DIALECTS[crm].object]


def pages(connector: Connector, object_name: str, fields: tuple[str, ...]) -> Iterator[Page]:
    """Walk to the end."""
    after: str | None = None
    while True:
        page = connector.list_page(object_name, fields, after)
        yield page
        after = page.after
        if after is None:
            return


def seed(server, **counts: int) -> None:
    requests.post(f"{server.url}/__sandbox/seed", json={**counts, "seed": 3}, timeout=60).raise_for_status()


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_walk_meets_every_record_once_in_a_call_a_page(crm, sandboxes, beyond):
    connector, server = sandboxes[crm]
    object_name, size = DIALECTS[crm].object, PAGES[crm]
    seed(server, **{object_name: 2 * size + beyond})
    there = {
        row["id"]: row["fields"] for row in server._get(f"records/{object_name}?limit=100000")["records"]
    }
    before = server.calls()
    walked = list(pages(connector, object_name, names(crm)))
    assert server.calls() - before == len(walked) == 2 + beyond
    met: list[Listed] = [one for page in walked for one in page.listed]
    assert [one.record.ref.id for one in met] == sorted(there, key=lambda each: (len(each), each))
    assert walked[0].total == len(there)
    assert all(
        one.record.fields[DIALECTS[crm].title] == there[one.record.ref.id].get(DIALECTS[crm].title)
        for one in met
    )


def test_a_walk_that_was_broken_off_goes_on_behind_the_last_record(crm, sandboxes):
    connector, server = sandboxes[crm]
    object_name = DIALECTS[crm].object
    seed(server, **{object_name: PAGES[crm] + 5})
    first = connector.list_page(object_name, names(crm), None)
    rest = sandboxes.connect(crm).list_page(object_name, names(crm), first.after)
    assert (len(first.listed), len(rest.listed), rest.after) == (PAGES[crm], 5, None)


def test_an_empty_crm_is_one_page(crm, sandboxes):
    connector, _server = sandboxes[crm]
    page = connector.list_page(DIALECTS[crm].object, names(crm), None)
    assert (list(page.listed), page.after, page.total, page.absent) == ([], None, 0, ())


def test_a_record_comes_with_its_keys(crm, sandboxes):
    connector, _server = sandboxes[crm]
    dialect = DIALECTS[crm]
    field = dialect.options.get("external_id_field", "LeadRelay_Id__c")
    person = a_new_person(crm, "Ada@Example.com")
    marked = type(person)(
        person.key, person.object, {**person.fields, field: "ld_1"}, identities=(person.identities[1],)
    )
    [created] = connector.create([marked], fields_read(crm))
    [one] = connector.list_page(dialect.object, names(crm), None).listed
    assert one.record.ref == created.ref
    assert {(key.kind, key.value.lower()) for key in one.keys} >= {("email", "ada@example.com")}
    assert one.record.modified_at is not None


def test_a_company_is_found_by_its_domain(crm, sandboxes):
    connector, server = sandboxes[crm]
    object_name, fields = connector.companies
    seed(server, **{object_name: 20})
    walked = [one for page in pages(connector, object_name, fields) for one in page.listed]
    assert len(walked) == 20
    assert any(key.kind == "domain" for one in walked for key in one.keys)
    assert all(set(fields) <= one.record.fields.keys() for one in walked)


def test_a_field_that_is_not_there_is_named_and_holds_nothing(crm, sandboxes):
    connector, server = sandboxes[crm]
    seed(server, **{DIALECTS[crm].object: 3})
    page = connector.list_page(DIALECTS[crm].object, (*names(crm), "Not_There__c"), None)
    assert page.absent == ("Not_There__c",)
    assert [one.record.fields["Not_There__c"] for one in page.listed] == [None] * 3


def test_a_deleted_record_is_not_listed(crm, sandboxes):
    connector, server = sandboxes[crm]
    seed(server, **{DIALECTS[crm].object: 3})
    gone, *others = connector.list_page(DIALECTS[crm].object, names(crm), None).listed
    server.act("delete", gone.record.ref.object, id=gone.record.ref.id)
    left = connector.list_page(DIALECTS[crm].object, names(crm), None).listed
    assert [one.record.ref for one in left] == [one.record.ref for one in others]


def test_a_walk_says_what_stops_it(crm, sandboxes):
    connector, server = sandboxes[crm]
    server.faults(error_rate=1, error_status=503)
    with pytest.raises(RetryLater):
        connector.list_page(DIALECTS[crm].object, names(crm), None)
    server.faults()
    with pytest.raises(NotAuthorized):
        sandboxes.connect(crm, "a-wrong-token").list_page(DIALECTS[crm].object, names(crm), None)


def test_a_count_is_what_a_walk_meets_in_one_call(crm, sandboxes):
    connector, server = sandboxes[crm]
    object_name = DIALECTS[crm].object
    assert connector.count(object_name) == 0
    seed(server, **{object_name: PAGES[crm] + 5})
    [gone, *_] = connector.list_page(object_name, (), None).listed
    before = server.calls()
    assert connector.count(object_name) == PAGES[crm] + 5
    assert server.calls() - before == 1
    server.act("delete", object_name, id=gone.record.ref.id)
    assert connector.count(object_name) == PAGES[crm] + 4
