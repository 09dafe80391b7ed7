"""Associations: made, labelled, listed, removed, one by one and in batches."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot.crm.associations.v4 import AssociationSpec, BatchInputPublicFetchAssociationsBatchRequest

ONE = "/crm/v4/objects"
MANY = "/crm/v4/associations/contacts/companies/batch"


def spec(type_id: int, category: str = "HUBSPOT_DEFINED") -> dict[str, Any]:
    return {"associationCategory": category, "associationTypeId": type_id}


@pytest.fixture
def pair(account):
    """A contact and a company that do not know each other."""
    return account.contact(email="ada@example.com"), account.make("companies", name="ACME")


def types(account, source: str, source_id: str, target: str) -> dict[str, set[int]]:
    """The associated records with their type ids."""
    told = account.call("GET", f"{ONE}/{source}/{source_id}/associations/{target}").json()["results"]
    return {row["toObjectId"]: {one["typeId"] for one in row["associationTypes"]} for row in told}


def test_a_default_association_is_there_both_ways(account, pair):
    contact, company = pair
    api = account.client.crm.associations.v4.basic_api
    made = api.create_default("contacts", contact, "companies", company)
    assert made.status == "COMPLETE"
    assert [one.association_spec.association_type_id for one in made.results] == [279, 280]
    [found] = api.get_page("companies", company, "contacts").results
    assert (found.to_object_id, found.association_types[0].type_id) == (contact, 280)
    assert found.association_types[0].label is None


def test_primary_brings_the_unlabelled_association_and_its_way_back(account, pair):
    contact, company = pair
    api = account.client.crm.associations.v4.basic_api
    made = api.create(
        "contacts", contact, "companies", company,
        [AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)],
    )  # fmt: skip
    assert (made.from_object_type_id, made.to_object_type_id, made.labels) == ("0-1", "0-2", ["Primary"])
    assert types(account, "contacts", contact, "companies") == {company: {1, 279}}
    assert types(account, "companies", company, "contacts") == {contact: {2, 280}}


def test_a_contact_has_one_primary_company(account, pair):
    contact, first = pair
    second = account.make("companies", name="Other")
    for company in (first, second):
        account.call("PUT", f"{ONE}/contacts/{contact}/associations/companies/{company}", [spec(1)])
    assert types(account, "contacts", contact, "companies") == {first: {279}, second: {1, 279}}


def test_a_put_answers_201_and_replaces_the_labels(account, pair):
    contact, company = pair
    labels = "/crm/v4/associations/contacts/companies/labels"
    made = account.call("POST", labels, {"label": "Decides", "name": "decides"}).json()["results"]
    [decides, _] = [row["typeId"] for row in made]
    path = f"{ONE}/contacts/{contact}/associations/companies/{company}"
    first = account.call("PUT", path, [spec(decides, "USER_DEFINED"), spec(1)])
    assert (first.status_code, first.json()["labels"]) == (201, ["Decides", "Primary"])
    account.call("PUT", path, [spec(1)])
    [row] = account.call("GET", f"{ONE}/contacts/{contact}/associations/companies").json()["results"]
    assert [one["label"] for one in row["associationTypes"]] == [None, "Primary"]


def test_removing_takes_all_types_both_ways(account, pair):
    contact, company = pair
    path = f"{ONE}/contacts/{contact}/associations/companies/{company}"
    account.call("PUT", path, [spec(1)])
    assert account.call("DELETE", path).status_code == 204
    assert account.call("DELETE", path).status_code == 204
    assert types(account, "contacts", contact, "companies") == {}
    assert types(account, "companies", company, "contacts") == {}


def test_batch_create_answers_201_in_v4_and_200_in_2026_09(account, pair):
    contact, company = pair
    rows = {"inputs": [{"from": {"id": contact}, "to": {"id": company}, "types": [spec(279)]}]}
    statuses = [
        account.call("POST", f"{base}/contacts/companies/batch/create", rows).status_code
        for base in ("/crm/v4/associations", "/crm/associations/2026-03", "/crm/associations/2026-09")
    ]
    assert statuses == [201, 201, 200]


def test_batch_create_tells_the_bad_rows_apart(account, pair):
    contact, company = pair
    rows = [
        {"from": {"id": contact}, "to": {"id": company}, "types": [spec(1)]},
        {"from": {"id": "999"}, "to": {"id": company}, "types": [spec(279)]},
        {"from": {"id": contact}, "to": {"id": company}, "types": [spec(3)]},
    ]
    told = account.call("POST", f"{MANY}/create", {"inputs": rows})
    assert (told.status_code, told.json()["numErrors"], len(told.json()["results"])) == (207, 2, 1)
    missing, wrong = told.json()["errors"]
    assert missing["context"]["INVALID_OBJECT_IDS"] == ["CONTACT=999 is not valid"]
    assert wrong["context"]["associationSpec"] == ["HUBSPOT_DEFINED=3"]


def test_batch_default_batch_read_and_batch_archive(account, pair):
    contact, company = pair
    rows = {"inputs": [{"from": {"id": contact}, "to": {"id": company}}]}
    assert account.call("POST", f"{MANY}/associate/default", rows).status_code == 200
    api = account.client.crm.associations.v4.batch_api
    asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": contact}])
    [found] = api.get_page("contacts", "companies", asked).results
    assert (found._from.id, found.to[0].to_object_id) == (contact, company)
    gone = {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]}
    assert account.call("POST", f"{MANY}/archive", gone).status_code == 204
    told = account.call("POST", f"{MANY}/read", {"inputs": [{"id": contact}]})
    assert told.status_code == 207
    assert told.json()["errors"][0] == {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No company is associated with contact {contact}.",
        "context": {"fromObjectId": [contact], "fromObjectType": ["contact"], "toObjectType": ["company"]},
    }


def test_archiving_a_label_leaves_the_association_and_the_unlabelled_type_takes_all(account, pair):
    contact, company = pair
    account.call("PUT", f"{ONE}/contacts/{contact}/associations/companies/{company}", [spec(1)])
    row = {"from": {"id": contact}, "to": {"id": company}}
    archive = f"{MANY}/labels/archive"
    assert account.call("POST", archive, {"inputs": [row | {"types": [spec(1)]}]}).status_code == 204
    assert types(account, "contacts", contact, "companies") == {company: {279}}
    account.call("PUT", f"{ONE}/contacts/{contact}/associations/companies/{company}", [spec(1)])
    account.call("POST", archive, {"inputs": [row | {"types": [spec(279)]}]})
    assert types(account, "contacts", contact, "companies") == {}


@pytest.mark.parametrize(("call", "most"), [("create", 2_000), ("associate/default", 2_000), ("read", 1_000)])
def test_the_size_of_a_batch_is_limited(account, call, most):
    row = {"from": {"id": "1"}, "to": {"id": "2"}, "types": [spec(279)], "id": "1"}
    assert account.call("POST", f"{MANY}/{call}", {"inputs": [row] * most}).status_code == 207
    refused = account.call("POST", f"{MANY}/{call}", {"inputs": [row] * (most + 1)})
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


def test_more_than_500_are_read_in_pages(account):
    account.control("faults", {"limits": {"per_10s": None}})
    company = account.make("companies", name="ACME")
    ids = []
    for _ in range(6):
        made = account.call(
            "POST", "/crm/v3/objects/contacts/batch/create", {"inputs": [{"properties": {}}] * 100}
        )
        ids += [row["id"] for row in made.json()["results"]]
    rows = [{"from": {"id": company}, "to": {"id": contact}} for contact in ids]
    account.call("POST", "/crm/v4/associations/companies/contacts/batch/associate/default", {"inputs": rows})
    first = account.call("GET", f"{ONE}/companies/{company}/associations/contacts").json()
    after = first["paging"]["next"]["after"]
    rest = account.call("GET", f"{ONE}/companies/{company}/associations/contacts", after=after).json()
    assert [row["toObjectId"] for row in first["results"] + rest["results"]] == ids
    read = "/crm/v4/associations/companies/contacts/batch/read"
    [row] = account.call("POST", read, {"inputs": [{"id": company}]}).json()["results"]
    assert (len(row["to"]), row["paging"]["next"]["after"]) == (500, after)
    [row] = account.call("POST", read, {"inputs": [{"id": company, "after": after}]}).json()["results"]
    assert len(row["to"]) == 100


@pytest.mark.parametrize(
    ("source", "target", "type_id", "back"),
    [
        ("contacts", "companies", 279, 280), ("contacts", "deals", 4, 3), ("contacts", "tasks", 203, 204),
        ("contacts", "leads", 609, 608), ("companies", "deals", 342, 341), ("deals", "notes", 213, 214),
        ("leads", "deals", 1037, 1038), ("contacts", "contacts", 449, 449),
        ("communications", "contacts", 81, 82),
    ],
)  # fmt: skip
def test_type_ids_have_a_direction(account, source, target, type_id, back):
    def unlabelled(one: str, other: str) -> int:
        told = account.client.crm.associations.v4.schema.definitions_api.get_all(one, other).results
        return next(row.type_id for row in told if row.label is None)

    assert (unlabelled(source, target), unlabelled(target, source)) == (type_id, back)


def test_the_primary_types_of_each_pair(account):
    for pair, type_id in {
        ("contact", "company"): 1, ("company", "contact"): 2, ("deal", "company"): 5, ("company", "deal"): 6,
        ("0-136", "0-1"): 578, ("lead", "company"): 580,
    }.items():  # fmt: skip
        told = account.call("GET", f"/crm/v4/associations/{pair[0]}/{pair[1]}/labels").json()["results"]
        assert {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": "Primary"} in told


@pytest.mark.parametrize(
    "base",
    [
        "/crm/v4/associations",
        "/crm/associations/v4",
        "/crm/associations/2026-03",
        "/crm/associations/2026-09",
    ],
)
def test_labels_are_defined_renamed_and_forgotten(account, pair, base):
    contact, company = pair
    labels = f"{base}/contacts/companies/labels"
    sent = {"label": "Works at", "name": "works_at", "inverseLabel": "Employs"}
    made = account.call("POST", labels, sent)
    there, back = made.json()["results"]
    assert (made.status_code, there["label"], back["label"]) == (200, "Works at", "Employs")
    assert account.call("POST", labels, sent).status_code == 409
    path = f"/crm/v4/objects/contacts/{contact}/associations/companies/{company}"
    account.call("PUT", path, [spec(there["typeId"], "USER_DEFINED")])
    assert (
        account.call("PUT", labels, {"associationTypeId": there["typeId"], "label": "Leads"}).status_code
        == 204
    )
    told = account.call("GET", f"{base}/companies/contacts/labels").json()["results"]
    assert {"category": "USER_DEFINED", "typeId": back["typeId"], "label": "Employs"} in told
    assert account.call("DELETE", f"{labels}/{there['typeId']}").status_code == 204
    assert types(account, "contacts", contact, "companies") == {company: {279}}
    assert account.call("DELETE", f"{labels}/{there['typeId']}").status_code == 404
    refused = account.call("POST", labels, {"name": "x"})
    assert refused.json()["message"].endswith("Some required fields were not set: [label]")


def test_a_lead_that_loses_its_primary_contact_is_deleted(account):
    contact = account.contact(email="ada@example.com")
    lead = account.make("leads", (contact, 578), hs_lead_name="Ada")
    account.call("DELETE", f"{ONE}/leads/{lead}/associations/contacts/{contact}")
    assert account.call("GET", f"/crm/v3/objects/leads/{lead}").status_code == 404


def test_a_lead_may_change_its_primary_contact(account):
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    lead = account.make("leads", (first, 578), hs_lead_name="Ada")
    account.call("PUT", f"{ONE}/leads/{lead}/associations/contacts/{second}", [spec(578)])
    assert types(account, "leads", lead, "contacts") == {first: {608}, second: {578, 608}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "contacts/999/associations/default/companies/999", None, 400),
        ("PUT", "contacts/999/associations/companies/999", [spec(3)], 400),
        ("PUT", "contacts/999/associations/companies/999", [], 400),
        ("PUT", "contacts/999/associations/companies/999", {"no": "list"}, 400),
        ("PUT", "notes/1/associations/default/notes/2", None, 400),
        ("PUT", "contacts/1/associations/default/widgets/2", None, 400),
        ("GET", "contacts/999/associations/companies", None, 400),
    ],
)
def test_an_association_that_cannot_be_says_why(account, method, path, body, status):
    assert account.call(method, f"{ONE}/{path}", body).status_code == status


def test_the_list_is_there_in_v4_and_2026_03_only(account, pair):
    for base, status in (
        ("/crm/v4/objects", 200),
        ("/crm/objects/2026-03", 200),
        ("/crm/objects/2026-09", 501),
    ):
        assert account.call("GET", f"{base}/contacts/{pair[0]}/associations/companies").status_code == status


def test_associations_are_in_the_history_of_both_records(account, pair):
    contact, company = pair
    account.call("PUT", f"{ONE}/contacts/{contact}/associations/companies/{company}", [spec(1)])
    kinds = [(write["kind"], write["changes"]) for write in account.history(contact)[1:]]
    assert kinds == [
        ("associate", {"associations.companies": [None, f"{company} (contact_to_company_unlabeled)"]}),
        ("associate", {"associations.companies": [None, f"{company} (contact_to_company)"]}),
    ]
    assert [write["kind"] for write in account.history(company, "companies")] == [
        "create",
        "associate",
        "associate",
    ]
