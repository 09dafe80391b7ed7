"""Lists, and the account's own details."""

from __future__ import annotations

import pytest
from hubspot.crm.lists import MembershipChangeRequest

LISTS = "/crm/v3/lists"


def make(account, name: str = "Hot", processing: str = "MANUAL", **more: object) -> str:
    sent = {"name": name, "objectTypeId": "0-1", "processingType": processing, **more}
    made = account.call("POST", LISTS, sent)
    assert made.status_code == 200, made.text
    return made.json()["list"]["listId"]


def test_members_join_and_leave_and_the_answer_names_them(account):
    ids = [account.contact(email=f"{name}@example.com") for name in "abc"]
    one = make(account)
    api = account.client.crm.lists.memberships_api
    joined = api.add(one, [*ids[:2], "999"])
    assert (joined.records_ids_added, joined.record_ids_missing) == (ids[:2], ["999"])
    again = account.call("PUT", f"{LISTS}/{one}/memberships/add", ids).json()
    assert again == {"recordsIdsAdded": ids[2:], "recordIdsRemoved": [], "recordIdsMissing": []}
    changed = api.add_and_remove(
        one, MembershipChangeRequest(record_ids_to_add=[ids[0]], record_ids_to_remove=[ids[1], "998"])
    )
    assert (changed.records_ids_added, changed.record_ids_removed) == ([], [ids[1]])
    assert api.remove(one, [ids[0]]).record_ids_removed == [ids[0]]
    page = account.call("GET", f"{LISTS}/{one}/memberships").json()
    assert [row["recordId"] for row in page["results"]] == [ids[2]]
    assert account.call("GET", f"{LISTS}/{one}").json()["list"]["size"] == 1
    of = account.call("GET", f"{LISTS}/records/0-1/{ids[2]}/memberships").json()
    assert [row["listId"] for row in of["results"]] == [one]


@pytest.mark.parametrize(
    "base", ["/crm/v3/lists", "/crm/v3/lists/", "/crm/lists/2026-03", "/crm/lists/2026-09"]
)
def test_lists_on_every_path_scheme(account, base):
    sent = {"name": "Hot", "objectTypeId": "0-1", "processingType": "MANUAL"}
    told = account.call("POST", base, sent).json()["list"]
    assert (told["processingType"], told["processingStatus"], told["size"]) == ("MANUAL", "COMPLETE", 0)
    one = f"{base.rstrip('/')}/{told['listId']}"
    assert account.call("GET", one).json()["list"] == told
    assert account.call("GET", f"{base.rstrip('/')}/object-type-id/0-1/name/hot").json()["list"] == told
    assert account.call("POST", f"{base.rstrip('/')}/search", {"query": "ho"}).json()["total"] == 1
    assert account.call("DELETE", one).status_code == 204
    gone = account.call("GET", one)
    assert (gone.status_code, gone.json()["subCategory"]) == (404, "ILS.LIST_NOT_FOUND")
    assert account.call("PUT", f"{one}/restore").status_code == 204
    assert account.call("GET", one).status_code == 200


def test_the_members_of_a_dynamic_list_cannot_be_set(account):
    one = make(account, processing="DYNAMIC", filterBranch={"filterBranchType": "OR"})
    assert account.call("PUT", f"{LISTS}/{one}/memberships/add", ["1"]).status_code == 400
    told = account.call("GET", f"{LISTS}/{one}", includeFilters="true").json()["list"]
    assert told["filterBranch"] == {"filterBranchType": "OR"}


def test_one_list_is_filled_from_another(account):
    contact = account.contact(email="a@example.com")
    source, target = make(account), make(account, "Hotter", "SNAPSHOT")
    account.call("PUT", f"{LISTS}/{source}/memberships/add", [contact])
    assert account.call("PUT", f"{LISTS}/{target}/memberships/add-from/{source}").status_code == 204
    assert account.call("GET", f"{LISTS}/{target}/memberships").json()["total"] == 1
    assert account.call("DELETE", f"{LISTS}/{target}/memberships").status_code == 204
    assert account.call("GET", f"{LISTS}/{target}/memberships").json()["total"] == 0


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"name": "x"}, "Some required fields were not set: [objectTypeId, processingType]"),
        ({"name": "x", "objectTypeId": "0-1", "processingType": "LATER"}, "LATER is no processing type"),
        ({"name": "x", "objectTypeId": "0-1", "processingType": "DYNAMIC"}, "needs a filterBranch"),
        ({"name": "HOT ", "objectTypeId": "0-1", "processingType": "MANUAL"}, "already exists"),
    ],
)
def test_a_list_that_cannot_be_is_400(account, sent, message):
    make(account)
    refused = account.call("POST", LISTS, sent)
    assert refused.status_code == 400
    assert message in refused.json()["message"]


def test_members_are_a_json_list(account):
    one = make(account)
    assert account.call("PUT", f"{LISTS}/{one}/memberships/add", {"ids": []}).status_code == 400
    assert account.call("PUT", f"{LISTS}/77/memberships/add", ["1"]).status_code == 404


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_the_account_tells_about_itself(account, version):
    told = account.call("GET", f"/account-info/{version}/details").json()
    assert (told["portalId"], told["accountType"], told["timeZone"]) == (62515, "STANDARD", "UTC")
