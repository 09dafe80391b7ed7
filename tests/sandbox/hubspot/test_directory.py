"""Owners and property definitions."""

from __future__ import annotations

import pytest
import requests

from sandbox.people import TEAM


def test_active_owners_are_the_team(account):
    owners = account.client.crm.owners.owners_api.get_page().results
    assert [owner.email for owner in owners] == [person.email for person in TEAM if person.active]
    anna = owners[0]
    assert (anna.first_name, anna.last_name, anna.type, anna.archived) == ("Anna", "Keller", "PERSON", False)
    assert int(anna.id) != anna.user_id == anna.user_id_including_inactive


def test_the_archived_owner_has_no_user_id(account):
    [oliver] = account.client.crm.owners.owners_api.get_page(archived=True).results
    assert (oliver.email, oliver.user_id, oliver.archived) == ("oliver.stone@northlight.example", None, True)
    assert oliver.user_id_including_inactive is not None


def test_owners_are_found_by_email_and_paged(account):
    api = account.client.crm.owners.owners_api
    [mei] = api.get_page(email="Mei.Tanaka@northlight.example").results
    assert mei.first_name == "Mei"
    first = api.get_page(limit=5)
    rest = api.get_page(limit=5, after=first.paging.next.after)
    assert (len(first.results), len(rest.results), rest.paging) == (5, 3, None)


@pytest.mark.parametrize(
    "path", ["/crm/v3/owners", "/crm/v3/owners/", "/crm/owners/2026-03", "/crm/owners/2026-09/"]
)
def test_owners_answer_with_and_without_the_slash_on_every_path_scheme(account, path):
    assert len(account.call("GET", path).json()["results"]) == 8


def test_one_owner_by_id_and_by_user_id(account, raises_status):
    api = account.client.crm.owners.owners_api
    anna = api.get_page().results[0]
    assert api.get_by_id(int(anna.id)).email == anna.email
    assert api.get_by_id(anna.user_id, id_property="userId").id == anna.id
    raises_status(404, api.get_by_id, 999)
    raises_status(404, api.get_by_id, 71009)
    assert api.get_by_id(71009, archived=True).last_name == "Stone"


def test_a_teammate_leaves_and_another_joins(account):
    def act(verb: str, **body: object) -> requests.Response:
        return requests.post(
            f"{account.url}/__sandbox/act/{verb}", json={"object": "owners", **body}, timeout=60
        )

    assert act("delete", id="71001").status_code == 204
    assert act("create", fields={"email": "new@northlight.example", "firstName": "New"}).status_code == 201
    emails = [owner.email for owner in account.client.crm.owners.owners_api.get_page().results]
    assert "anna.keller@northlight.example" not in emails
    assert emails[-1] == "new@northlight.example"
    refused = account.call("POST", "/crm/v3/objects/contacts", {"properties": {"hubspot_owner_id": "71001"}})
    assert refused.json()["errors"][0]["code"] == "INVALID_OWNER_ID"


def test_an_owner_is_kept_on_a_contact(account):
    [mei] = account.client.crm.owners.owners_api.get_page(email="mei.tanaka@northlight.example").results
    contact = account.contact(email="a@example.com", hubspot_owner_id=mei.id)
    assert account.stored(contact)["hubspot_owner_id"] == mei.id


def test_lifecycle_stages_are_in_their_order(account):
    stage = account.client.crm.properties.core_api.get_by_name("contacts", "lifecyclestage")
    ordered = sorted(stage.options, key=lambda option: option.display_order)
    assert [option.value for option in ordered][:4] == [
        "subscriber",
        "lead",
        "marketingqualifiedlead",
        "salesqualifiedlead",
    ]
    assert (stage.type, stage.field_type, stage.hubspot_defined) == ("enumeration", "radio", True)


def test_all_definitions_hold_the_defaults_and_leadrelays_own(account):
    told = {one.name: one for one in account.client.crm.properties.core_api.get_all("contacts").results}
    assert {"email", "hs_additional_emails", "hubspot_owner_id", "lastmodifieddate", "message"} <= set(told)
    assert told["leadrelay_id"].has_unique_value is True
    assert told["leadrelay_score"].type == "number"
    assert told["last_touch_at"].type == "datetime"
    assert told["first_touch_click_id"].type == "string"
    assert told["createdate"].modification_metadata.read_only_value is True
    assert told["leadrelay_id"].hubspot_defined is None


@pytest.mark.parametrize("base", ["/crm/v3/properties", "/crm/properties/2026-03", "/crm/properties/2026-09"])
@pytest.mark.parametrize("kind", ["contacts", "0-1"])
def test_definitions_on_every_path_scheme(account, base, kind):
    assert account.call("GET", f"{base}/{kind}/email").json()["name"] == "email"
    assert account.call("GET", f"{base}/{kind}/shoe_size").status_code == 404
    assert len(account.call("GET", f"{base}/{kind}").json()["results"]) > 40
