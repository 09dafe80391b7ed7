"""Properties, groups, pipelines: what an admin defines by the API."""

from __future__ import annotations

import pytest
from hubspot.crm.pipelines import PipelineInput, PipelineStageInput
from hubspot.crm.properties import PropertyCreate, PropertyUpdate

PROPERTIES = "/crm/v3/properties/contacts"
SIZE = {
    "name": "shoe_size",
    "label": "Shoe size",
    "type": "number",
    "fieldType": "number",
    "groupName": "contactinformation",
}


def test_a_property_is_created_used_changed_and_archived_through_the_vendors_client(account, raises_status):
    api = account.client.crm.properties.core_api
    made = api.create(
        "contacts",
        PropertyCreate(
            name="shirt", label="Shirt", type="enumeration", field_type="select", group_name="leadrelay",
            options=[{"label": "Small", "value": "S", "hidden": False}],
        ),
    )  # fmt: skip
    assert (made.name, made.archived, made.hubspot_defined, made.options[0].value) == (
        "shirt",
        False,
        None,
        "S",
    )
    contact = account.contact(shirt="S")
    assert account.read("contacts", contact, "shirt")["shirt"] == "S"
    options = [{"label": name, "value": name, "hidden": False, "displayOrder": 0} for name in "SML"]
    changed = api.update("contacts", "shirt", PropertyUpdate(label="Shirt size", options=options))
    assert (changed.label, [option.value for option in changed.options]) == ("Shirt size", ["S", "M", "L"])
    account.call("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"shirt": "L"}})
    assert api.archive("contacts", "shirt") is None
    raises_status(404, api.get_by_name, "contacts", "shirt")
    assert api.get_by_name("contacts", "shirt", archived=True).archived is True
    assert "shirt" not in account.read("contacts", contact, "shirt")
    refused = account.call("POST", "/crm/v3/objects/contacts", {"properties": {"shirt": "S"}})
    assert refused.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


def test_a_unique_property_makes_an_upsert_possible(account):
    made = account.call(
        "POST",
        PROPERTIES,
        {**SIZE, "name": "badge", "type": "string", "fieldType": "text", "hasUniqueValue": True},
    )
    assert made.status_code == 201
    account.contact(badge="7", email="a@example.com")
    refused = account.call("POST", "/crm/v3/objects/contacts", {"properties": {"badge": "7"}})
    assert refused.json()["message"].endswith("already has that value.")
    rows = {"inputs": [{"id": "7", "idProperty": "badge", "properties": {"city": "Leeds"}}]}
    [row] = account.call("POST", "/crm/v3/objects/contacts/batch/upsert", rows).json()["results"]
    assert row["new"] is False


def test_ten_unique_properties_are_the_most(account):
    statuses = [
        account.call(
            "POST", PROPERTIES, {**SIZE, "name": f"key_{number}", "hasUniqueValue": True}
        ).status_code
        for number in range(10)
    ]
    assert statuses == [201] * 9 + [400], "leadrelay_id is the first"


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ({"name": "x"}, 400, "Some required fields were not set: [label, type, fieldType, groupName]"),
        ({**SIZE, "name": "Shoe Size"}, 400, "is no valid property name"),
        ({**SIZE, "name": "email"}, 409, "A property named 'email' already exists."),
        ({**SIZE, "type": "colour"}, 400, "colour is no property type"),
        ({**SIZE, "fieldType": "radio"}, 400, "fieldType radio does not go with type number"),
        ({**SIZE, "groupName": "feet"}, 400, "There is no property group named 'feet'."),
        ({**SIZE, "options": [{"label": "x"}]}, 400, "Some required fields were not set: [label, value]"),
    ],
)
def test_a_property_that_cannot_be_says_why(account, sent, status, message):
    refused = account.call("POST", PROPERTIES, sent)
    assert refused.status_code == status
    assert message in refused.json()["message"]


def test_what_hubspot_defines_stays(account):
    assert account.call("DELETE", f"{PROPERTIES}/email").status_code == 400
    assert account.call("PATCH", f"{PROPERTIES}/email", {"type": "number"}).status_code == 400
    assert (
        account.call("PATCH", f"{PROPERTIES}/email", {"description": "Main"}).json()["description"] == "Main"
    )


def test_dates_are_kept_as_days(account):
    account.call("POST", PROPERTIES, {**SIZE, "name": "birthday", "type": "date", "fieldType": "date"})
    for sent in ("2026-11-21", "1795219200000"):
        assert account.stored(account.contact(birthday=sent))["birthday"] == "2026-11-21"
    refused = account.call("POST", "/crm/v3/objects/contacts", {"properties": {"birthday": "1795219200001"}})
    assert refused.json()["errors"][0]["code"] == "INVALID_DATE"


def test_properties_in_batches(account):
    rows = {"inputs": [SIZE, {**SIZE, "name": "email"}]}
    made = account.call("POST", f"{PROPERTIES}/batch/create", rows)
    assert (made.status_code, made.json()["results"][0]["name"], made.json()["numErrors"]) == (
        207,
        "shoe_size",
        1,
    )
    dated = account.call(
        "POST", "/crm/properties/2026-09/contacts/batch/create", {"inputs": [{**SIZE, "name": "a"}]}
    )
    assert dated.status_code == 200
    names = {"inputs": [{"name": "shoe_size"}, {"name": "nonsense"}], "archived": False}
    read = account.call("POST", f"{PROPERTIES}/batch/read", names)
    assert (read.status_code, len(read.json()["results"])) == (207, 1)
    assert account.call("POST", f"{PROPERTIES}/batch/archive", {"inputs": [{"name": "a"}]}).status_code == 204
    assert account.call("GET", f"{PROPERTIES}/a").status_code == 404


def test_groups(account):
    groups = f"{PROPERTIES}/groups"
    made = account.call("POST", groups, {"name": "feet", "label": "Feet"})
    assert (made.status_code, made.json()["displayOrder"]) == (201, -1)
    assert account.call("POST", groups, {"name": "feet", "label": "Feet"}).status_code == 409
    assert account.call("PATCH", f"{groups}/feet", {"label": "Foot"}).json()["label"] == "Foot"
    assert "feet" in [group["name"] for group in account.call("GET", groups).json()["results"]]
    account.call("POST", PROPERTIES, {**SIZE, "groupName": "feet"})
    assert account.call("DELETE", f"{groups}/feet").status_code == 400
    account.call("DELETE", f"{PROPERTIES}/shoe_size")
    assert account.call("DELETE", f"{groups}/feet").status_code == 204
    assert account.call("GET", f"{groups}/feet").status_code == 404


def test_a_reset_forgets_the_definitions(account):
    account.call("POST", PROPERTIES, SIZE)
    account.control("reset", {})
    assert account.call("GET", f"{PROPERTIES}/shoe_size").status_code == 404


def test_the_pipelines_of_a_new_account(account):
    def told(kind: str) -> tuple[str, list[str]]:
        [pipeline] = account.client.crm.pipelines.pipelines_api.get_all(kind).results
        return pipeline.id, [stage.id for stage in pipeline.stages]

    assert told("deals") == (
        "default",
        [
            "appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin",
            "contractsent", "closedwon", "closedlost",
        ],
    )  # fmt: skip
    assert told("tickets") == ("0", ["1", "2", "3", "4"])
    assert told("leads")[0] == "lead-pipeline-id"
    assert account.call("GET", "/crm/pipelines/2026-09/0-3/default/stages/closedwon").json()["metadata"] == {
        "isClosed": "true",
        "probability": "1.0",
    }
    assert account.call("GET", "/crm/v3/pipelines/contacts").status_code == 501


def test_a_pipeline_of_the_accounts_own(account, raises_status):
    api = account.client.crm.pipelines.pipelines_api
    stages = [
        PipelineStageInput(label="Open", display_order=0, metadata={"probability": "0.5"}),
        PipelineStageInput(label="Done", display_order=1, metadata={"probability": "1.0"}),
    ]
    sent = PipelineInput(label="Renewals", display_order=1, stages=stages)
    made = api.create("deals", sent)
    assert [stage.metadata["isClosed"] for stage in made.stages] == ["false", "true"]
    raises_status(409, api.create, "deals", sent)
    deal = account.make("deals", dealname="Again", pipeline=made.id, dealstage=made.stages[1].id)
    assert account.stored(deal, "deals")["hs_is_closed_won"] == "true"
    stays = {"properties": {"dealstage": "contractsent"}}
    refused = account.call("PATCH", f"/crm/v3/objects/deals/{deal}", stays)
    assert refused.json()["errors"][0]["code"] == "INVALID_OPTION", "a stage of another pipeline"
    assert api.update("deals", made.id, {"label": "Renewal"}).label == "Renewal"


def test_from_2026_09_on_a_delete_looks_at_references(account):
    stages = [{"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.5"}}]
    ids = [
        account.call(
            "POST", "/crm/v3/pipelines/deals", {"label": name, "displayOrder": 1, "stages": stages}
        ).json()
        for name in ("One", "Two")
    ]
    for told in ids:
        account.make("deals", dealname="x", pipeline=told["id"], dealstage=told["stages"][0]["id"])
    assert account.call("DELETE", f"/crm/pipelines/2026-09/deals/{ids[0]['id']}").status_code == 400
    asked = {"validateReferencesBeforeDelete": "true"}
    assert account.call("DELETE", f"/crm/v3/pipelines/deals/{ids[0]['id']}", **asked).status_code == 400
    assert account.call("DELETE", f"/crm/v3/pipelines/deals/{ids[0]['id']}").status_code == 204
    stage = f"{ids[1]['id']}/stages/{ids[1]['stages'][0]['id']}"
    assert account.call("DELETE", f"/crm/pipelines/2026-09/deals/{stage}").status_code == 400
    assert account.call("DELETE", f"/crm/v3/pipelines/deals/{stage}").status_code == 204


def test_stages_are_added_changed_and_replaced(account):
    stages = "/crm/v3/pipelines/tickets/0/stages"
    made = account.call("POST", stages, {"label": "Parked", "displayOrder": 4, "metadata": {}})
    assert made.status_code == 201
    one = f"{stages}/{made.json()['id']}"
    assert account.call("PATCH", one, {"label": "Waiting", "metadata": {}}).json()["label"] == "Waiting"
    assert account.call("PUT", one, {"label": "x"}).status_code == 400
    assert [row["label"] for row in account.call("GET", stages).json()["results"]][-1] == "Waiting"
    assert (
        account.call(
            "POST", "/crm/v3/pipelines/deals/default/stages", {"label": "x", "displayOrder": 9}
        ).status_code
        == 400
    )
