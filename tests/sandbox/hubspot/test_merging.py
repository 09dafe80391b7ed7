"""Merging records and erasing contacts."""

from __future__ import annotations

import pytest
from hubspot.crm.contacts import PublicGdprDeleteInput, PublicMergeInput

CONTACTS = "/crm/v3/objects/contacts"


def merge(account, primary: str, other: str, kind: str = "contacts"):
    body = {"primaryObjectId": primary, "objectIdToMerge": other}
    return account.call("POST", f"/crm/v3/objects/{kind}/merge", body)


def test_a_merge_makes_a_new_record_to_which_both_old_ids_lead(account):
    first = account.contact(email="a@example.com", city="York", lifecyclestage="lead")
    second = account.contact(email="b@example.com", city="Leeds", phone="1", lifecyclestage="customer")
    made = account.client.crm.contacts.basic_api.merge(
        PublicMergeInput(primary_object_id=first, object_id_to_merge=second)
    )
    assert made.id not in (first, second)
    for old in (first, second):
        assert account.call("GET", f"{CONTACTS}/{old}").json()["id"] == made.id
    kept = account.stored(made.id)
    assert (kept["email"], kept["hs_additional_emails"]) == ("a@example.com", "b@example.com")
    assert (kept["city"], kept["phone"], kept["lifecyclestage"]) == ("York", "1", "customer")
    assert kept["hs_merged_object_ids"] == f"{first};{second}"
    assert [part.split(":")[0] for part in kept["hs_calculated_merged_vids"].split(";")] == [first, second]
    assert account.control("stats")["records"]["contacts"] == 1
    assert account.call("GET", CONTACTS, archived="true").json()["results"] == []


def test_a_single_update_takes_an_old_id_and_answers_the_new_one_a_batch_does_not(account):
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    made = merge(account, first, second).json()["id"]
    changed = account.call("PATCH", f"{CONTACTS}/{first}", {"properties": {"city": "Leeds"}})
    assert (changed.status_code, changed.json()["id"]) == (200, made)
    rows = {"inputs": [{"id": first, "properties": {"city": "York"}}]}
    batch = account.call("POST", f"{CONTACTS}/batch/update", rows)
    assert (batch.status_code, batch.json()["errors"][0]["context"]) == (207, {"ids": [first]})
    assert account.stored(made)["city"] == "Leeds"


def test_a_merged_record_can_be_merged_again_and_all_ids_lead_on(account):
    ids = [account.contact(email=f"{name}@example.com") for name in "abc"]
    between = merge(account, ids[0], ids[1]).json()["id"]
    last = merge(account, ids[2], ids[1]).json()["id"]
    for old in (*ids, between):
        assert account.call("GET", f"{CONTACTS}/{old}").json()["id"] == last


def test_both_addresses_find_the_merged_contact(account):
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    made = merge(account, first, second).json()["id"]
    for address in ("a@example.com", "b@example.com"):
        assert account.call("GET", f"{CONTACTS}/{address}", idProperty="email").json()["id"] == made


def test_associations_move_to_the_merged_record(account):
    company = account.make("companies", name="ACME")
    first, second = (
        account.contact(email="a@example.com"),
        account.make("contacts", (company, 1), email="b@example.com"),
    )
    made = merge(account, first, second).json()["id"]
    told = account.call("GET", f"/crm/v3/objects/companies/{company}", associations="contacts").json()
    assert {row["id"] for row in told["associations"]["contacts"]["results"]} == {made}


def test_a_merged_record_takes_the_places_in_lists_and_an_erased_one_leaves_them(account):
    sent = {"name": "Hot", "objectTypeId": "0-1", "processingType": "MANUAL"}
    members = (
        f"/crm/v3/lists/{account.call('POST', '/crm/v3/lists', sent).json()['list']['listId']}/memberships"
    )
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    account.call("PUT", f"{members}/add", [first, second])
    made = merge(account, first, second).json()["id"]
    assert [row["recordId"] for row in account.call("GET", members).json()["results"]] == [made]
    account.call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": made})
    assert account.call("GET", members).json()["results"] == []


def test_the_history_of_a_property_spans_the_merge(account):
    first, second = (
        account.contact(email="a@example.com", city="York"),
        account.contact(email="b@example.com"),
    )
    made = merge(account, first, second).json()["id"]
    told = account.call("GET", f"{CONTACTS}/{made}", propertiesWithHistory="city").json()
    assert [version["value"] for version in told["propertiesWithHistory"]["city"]] == ["York", "York"]


@pytest.mark.parametrize("kind", ["companies", "deals", "tickets"])
def test_other_types_merge_as_well(account, kind):
    least = {
        "companies": {"name": "ACME"},
        "deals": {"dealname": "Big", "dealstage": "closedwon"},
        "tickets": {"subject": "Help", "hs_pipeline_stage": "1"},
    }[kind]
    first, second = account.make(kind, **least), account.make(kind, **least)
    made = merge(account, first, second, kind)
    assert made.status_code == 200
    assert account.call("GET", f"/crm/v3/objects/{kind}/{second}").json()["id"] == made.json()["id"]


def test_no_more_than_250_identities(account):
    account.control("faults", {"limits": {"per_10s": None}})
    rows = [{"properties": {"email": f"p{number}@example.com"}} for number in range(100)]
    main = account.contact(email="main@example.com")
    status = 200
    for batch in range(2):
        renamed = [{"properties": {"email": f"b{batch}{row['properties']['email']}"}} for row in rows]
        made = account.call("POST", f"{CONTACTS}/batch/create", {"inputs": renamed}).json()["results"]
        for row in made:
            answer = merge(account, main, row["id"])
            status = answer.status_code
            if status != 200:
                break
            main = answer.json()["id"]
    assert status == 414
    assert answer.json()["message"] == "Cannot have more than 250 identities on a profile"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"primaryObjectId": "1"}, 400, "Some required fields were not set: [objectIdToMerge]"),
        ({"primaryObjectId": "998", "objectIdToMerge": "999"}, 404, "resource not found"),
    ],
)
def test_a_merge_that_cannot_be_says_why(account, body, status, message):
    refused = account.call("POST", f"{CONTACTS}/merge", body)
    assert refused.status_code == status
    assert refused.json()["message"].endswith(message)


def test_a_record_is_not_merged_with_itself_nor_an_activity_at_all(account):
    contact = account.contact(email="a@example.com")
    assert merge(account, contact, contact).status_code == 400
    notes = [account.make("notes", hs_timestamp="2026-11-21") for _ in range(2)]
    assert merge(account, *notes, "notes").status_code == 400


def test_erasing_a_contact_leaves_nothing_and_blocks_its_address(account):
    contact = account.contact(email="a@example.com")
    assert account.client.crm.contacts.basic_api.purge(PublicGdprDeleteInput(object_id=contact)) is None
    assert account.call("GET", f"{CONTACTS}/{contact}").status_code == 404
    assert account.call("GET", f"{CONTACTS}/{contact}", archived="true").status_code == 404
    assert account.act("restore", "contacts", contact).status_code == 404
    assert account.act("create", "contacts", fields={"email": "a@example.com"}).status_code == 403
    assert account.contact(email="a@example.com") != contact, "the API may bring the address back"


def test_erasing_an_unknown_address_blocks_it(account):
    body = {"objectId": "Nobody@example.com", "idProperty": "email"}
    assert account.call("POST", f"{CONTACTS}/gdpr-delete", body).status_code == 204
    assert account.act("create", "contacts", fields={"email": "nobody@example.com"}).status_code == 403
    assert account.call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": "999"}).status_code == 404
