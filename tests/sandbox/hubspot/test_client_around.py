"""hubspot-api-client, what surrounds the records: associations, properties, pipelines, owners, lists."""

from __future__ import annotations

import json

import pytest
from hubspot.crm.associations.v4 import (
    AssociationSpec,
    BatchInputPublicAssociationMultiArchive,
    BatchInputPublicAssociationMultiPost,
    BatchInputPublicDefaultAssociationMultiPost,
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicAssociationMultiArchive,
    PublicAssociationMultiPost,
    PublicDefaultAssociationMultiPost,
    PublicFetchAssociationsBatchRequest,
    PublicObjectId,
)
from hubspot.crm.lists import ListCreateRequest, MembershipChangeRequest
from hubspot.crm.properties import PropertyCreate, PropertyUpdate

from tests.sandbox.operations import operation

PRIMARY = AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)
SIDES = ("contacts", "companies")


@pytest.fixture
def links(account):
    return account.strict.crm.associations.v4


@pytest.fixture
def lax(account):
    """Rows of a 207 lack the links that the models require, as in real traffic."""
    return account.client.crm.associations.v4


@pytest.fixture
def pair(account):
    return account.contact(email="ada@example.com"), account.make("companies", name="ACME")


@pytest.fixture
def types(links, pair):
    """The association types of the pair."""

    def now():
        told = links.basic_api.get_page("contacts", pair[0], "companies").results
        return sorted(one.type_id for row in told for one in row.association_types)

    return now


def post(contact, company):
    return PublicAssociationMultiPost(
        _from=PublicObjectId(id=contact), to=PublicObjectId(id=company), types=[PRIMARY]
    )


@operation(
    "associations",
    "crm.associations.v4.basic_api.create_default",
    "200 COMPLETE: the unlabelled types, both ways",
)
def test_create_default(links, pair):
    told, status, _ = links.basic_api.create_default_with_http_info("contacts", pair[0], "companies", pair[1])
    ids = [one.association_spec.association_type_id for one in told.results]
    assert (status, told.status, ids) == (200, "COMPLETE", [279, 280])


@operation(
    "associations",
    "crm.associations.v4.basic_api.create",
    "201: the labels; primary brings the unlabelled type",
)
def test_create(links, pair, types):
    told, status, _ = links.basic_api.create_with_http_info(
        "contacts", pair[0], "companies", pair[1], [PRIMARY]
    )
    assert (status, told.from_object_type_id, told.to_object_type_id, told.labels) == (
        201, "0-1", "0-2", ["Primary"],
    )  # fmt: skip
    assert types() == [1, 279]


@operation(
    "associations", "crm.associations.v4.basic_api.get_page", "200: category, type id and label, both ways"
)
def test_get_page(links, pair):
    links.basic_api.create("contacts", pair[0], "companies", pair[1], [PRIMARY])
    [row] = links.basic_api.get_page("companies", pair[1], "contacts").results
    assert row.to_object_id == pair[0]
    assert {(one.category, one.type_id) for one in row.association_types} == {
        ("HUBSPOT_DEFINED", 2), ("HUBSPOT_DEFINED", 280),
    }  # fmt: skip


@operation("associations", "crm.associations.v4.basic_api.archive", "204: all types are gone")
def test_archive(links, pair, types):
    links.basic_api.create("contacts", pair[0], "companies", pair[1], [PRIMARY])
    assert links.basic_api.archive_with_http_info("contacts", pair[0], "companies", pair[1])[1] == 204
    assert types() == []


@operation("associations", "crm.associations.v4.basic_api.create with a type of another pair", "400")
def test_create_with_a_wrong_type(links, pair, raises_status):
    wrong = AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=3)
    raises_status(400, links.basic_api.create, "contacts", pair[0], "companies", pair[1], [wrong])


@operation("associations", "crm.associations.v4.batch_api.create", "201 COMPLETE")
def test_batch_create(links, pair):
    sent = BatchInputPublicAssociationMultiPost(inputs=[post(*pair)])
    told, status, _ = links.batch_api.create_with_http_info(*SIDES, sent)
    assert (status, told.status, told.results[0].labels) == (201, "COMPLETE", ["Primary"])


@operation(
    "associations",
    "crm.associations.v4.batch_api.create with an unknown record",
    "207: an error for that row alone",
)
def test_batch_create_in_part(lax, pair, types):
    rows = [post(*pair), post("999", pair[1])]
    told, status, _ = lax.batch_api.create_with_http_info(
        *SIDES, BatchInputPublicAssociationMultiPost(inputs=rows)
    )
    assert (status, told.num_errors, len(told.results)) == (207, 1, 1)
    assert types() == [1, 279]


@operation("associations", "crm.associations.v4.batch_api.create_default", "200 COMPLETE")
def test_batch_create_default(links, pair, types):
    row = PublicDefaultAssociationMultiPost(
        _from=PublicObjectId(id=pair[0]), to=PublicObjectId(id=pair[1])
    )  # fmt: skip
    sent = BatchInputPublicDefaultAssociationMultiPost(inputs=[row])
    told, status, _ = links.batch_api.create_default_with_http_info(*SIDES, sent)
    assert (status, told.status, types()) == (200, "COMPLETE", [279])


@operation(
    "associations",
    "crm.associations.v4.batch_api.get_page",
    "200 for records that have any; 207 with an error for those that have none",
)
def test_batch_get_page(account, lax, pair):
    lax.basic_api.create_default("contacts", pair[0], "companies", pair[1])
    alone = account.contact(email="bob@example.com")

    def read(*ids):
        rows = [PublicFetchAssociationsBatchRequest(id=one) for one in ids]
        asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=rows)
        return lax.batch_api.get_page_with_http_info(*SIDES, asked)

    told, status, _ = read(pair[0])
    assert (status, told.results[0]._from.id, told.results[0].to[0].to_object_id) == (200, *pair)
    told, status, _ = read(pair[0], alone)
    assert (status, told.num_errors, len(told.results)) == (207, 1, 1)


@operation("associations", "crm.associations.v4.batch_api.archive", "204")
def test_batch_archive(links, pair, types):
    links.basic_api.create_default("contacts", pair[0], "companies", pair[1])
    row = PublicAssociationMultiArchive(_from=PublicObjectId(id=pair[0]), to=[PublicObjectId(id=pair[1])])
    sent = BatchInputPublicAssociationMultiArchive(inputs=[row])
    assert links.batch_api.archive_with_http_info(*SIDES, sent)[1] == 204
    assert types() == []


@operation("associations", "crm.associations.v4.batch_api.archive_labels", "204: that label only")
def test_batch_archive_labels(links, pair, types):
    links.basic_api.create("contacts", pair[0], "companies", pair[1], [PRIMARY])
    sent = BatchInputPublicAssociationMultiPost(inputs=[post(*pair)])
    assert links.batch_api.archive_labels_with_http_info(*SIDES, sent)[1] == 204
    assert types() == [279]


@operation(
    "labels",
    "crm.associations.v4.schema.definitions_api",
    "get_all, create, update and remove of a label, both ways",
)
def test_labels(links):
    api = links.schema.definitions_api

    def label_of(category, type_id):
        told = api.get_all(*SIDES).results
        return next((one.label for one in told if (one.category, one.type_id) == (category, type_id)), "-")

    assert (label_of("HUBSPOT_DEFINED", 1), label_of("HUBSPOT_DEFINED", 279)) == ("Primary", None)
    made = api.create(*SIDES, {"name": "decides", "label": "Decides"}).results
    assert [one.category for one in made] == ["USER_DEFINED", "USER_DEFINED"]
    api.update(*SIDES, {"associationTypeId": made[0].type_id, "label": "Signs"})
    assert label_of("USER_DEFINED", made[0].type_id) == "Signs"
    api.remove(*SIDES, made[0].type_id)
    assert label_of("USER_DEFINED", made[0].type_id) == "-"


SHOE = PropertyCreate(
    name="shoe_size", label="Shoe size", type="number", field_type="number", group_name="contactinformation"
)


@pytest.fixture
def properties(account):
    return account.strict.crm.properties


@operation("properties", "crm.properties.core_api.create", "201: the definition")
def test_create_property(properties):
    made, status, _ = properties.core_api.create_with_http_info("contacts", SHOE)
    assert (status, made.name, made.type, made.group_name) == (
        201, "shoe_size", "number", "contactinformation",
    )  # fmt: skip


@operation("properties", "crm.properties.core_api.create of a known name", "409")
def test_create_property_again(properties, raises_status):
    properties.core_api.create("contacts", SHOE)
    error = raises_status(409, properties.core_api.create, "contacts", SHOE)
    assert json.loads(error.body)["status"] == "error"


@operation(
    "properties",
    "crm.properties.core_api.get_all, get_by_name, update, archive",
    "200, 200, 200, 204, then 404",
)
def test_properties(properties, raises_status):
    api = properties.core_api
    api.create("contacts", SHOE)
    assert "shoe_size" in {one.name for one in api.get_all("contacts").results}
    api.update("contacts", "shoe_size", PropertyUpdate(label="Shoes"))
    assert api.get_by_name("contacts", "shoe_size").label == "Shoes"
    assert api.archive_with_http_info("contacts", "shoe_size")[1] == 204
    raises_status(404, api.get_by_name, "contacts", "shoe_size")


@operation("properties", 'crm.properties.core_api.get_by_name("lifecyclestage")', "200: stages in order")
def test_stages(properties):
    told = properties.core_api.get_by_name("contacts", "lifecyclestage")
    order = [one.value for one in sorted(told.options, key=lambda one: one.display_order)]
    assert order == [
        "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer",
        "evangelist", "other",
    ]  # fmt: skip


@operation("properties", "crm.properties.batch_api.create, read, archive", "201, 200, 204")
def test_property_batches(properties):
    api = properties.batch_api
    assert api.create_with_http_info("contacts", {"inputs": [SHOE]})[1] == 201
    asked = {"inputs": [{"name": "shoe_size"}], "archived": False}
    assert api.read("contacts", asked).results[0].label == "Shoe size"
    assert api.archive_with_http_info("contacts", {"inputs": [{"name": "shoe_size"}]})[1] == 204


@operation("properties", "crm.properties.groups_api.get_all, create", "200, 201; 409 for a known name")
def test_groups(properties, raises_status):
    api, group = properties.groups_api, {"name": "shoes", "label": "Shoes", "displayOrder": 1}
    assert api.create_with_http_info("contacts", group)[1] == 201
    assert "shoes" in {one.name for one in api.get_all("contacts").results}
    raises_status(409, api.create, "contacts", group)


@operation("pipelines", "crm.pipelines.pipelines_api.get_all", "200: pipelines with their stages")
def test_pipelines(account):
    told = account.strict.crm.pipelines.pipelines_api.get_all("deals").results
    [default] = [one for one in told if one.id == "default"]
    closed = {one.id for one in default.stages if one.metadata["isClosed"] == "true"}
    assert closed == {"closedwon", "closedlost"}


@operation(
    "pipelines", "crm.pipelines.pipelines_api.create, pipeline_stages_api.create, archive", "201, 201, 204"
)
def test_a_pipeline_is_made(account, raises_status):
    pipelines = account.strict.crm.pipelines
    stage = {"label": "First", "displayOrder": 0, "metadata": {"probability": "0.5"}}
    made, status, _ = pipelines.pipelines_api.create_with_http_info(
        "deals", {"label": "Resale", "displayOrder": 1, "stages": [stage]}
    )
    assert status == 201
    second = pipelines.pipeline_stages_api.create("deals", made.id, stage | {"label": "Second"})
    assert second.label == "Second"
    assert pipelines.pipelines_api.archive_with_http_info("deals", made.id)[1] == 204
    raises_status(404, pipelines.pipelines_api.get_by_id, "deals", made.id)


@operation(
    "pipelines",
    "crm.pipelines.pipelines_api.update, replace, pipeline_stages_api.update, archive",
    "200, 200, 200, 204",
)
def test_a_pipeline_is_changed(account):
    pipelines = account.strict.crm.pipelines
    stage = {"label": "First", "displayOrder": 0, "metadata": {"probability": "0.5"}}
    asked = {"label": "Resale", "displayOrder": 1, "stages": [stage]}
    made = pipelines.pipelines_api.create("deals", asked)
    assert pipelines.pipelines_api.update("deals", made.id, {"label": "Again"}).label == "Again"
    replaced = pipelines.pipelines_api.replace(
        "deals", made.id, asked | {"stages": [stage, stage | {"label": "Last"}]}
    )
    assert [one.label for one in replaced.stages] == ["First", "Last"]
    last = replaced.stages[1].id
    changed = pipelines.pipeline_stages_api.update(
        "deals", made.id, last, {"label": "End", "metadata": {"probability": "1.0"}}
    )
    assert (changed.label, changed.metadata["isClosed"]) == ("End", "true")
    won = account.make("deals", dealname="x", pipeline=made.id, dealstage=last)
    assert account.stored(won, "deals")["hs_is_closed_won"] == "true"
    pipelines.pipeline_stages_api.archive("deals", made.id, last)
    assert [one.label for one in pipelines.pipeline_stages_api.get_all("deals", made.id).results] == ["First"]


@operation("owners", "crm.owners.owners_api.get_page(email)", "200: the owner with that address")
def test_owners(account):
    [anna] = account.strict.crm.owners.owners_api.get_page(email="anna.keller@northlight.example").results
    assert (anna.first_name, anna.type, anna.archived) == ("Anna", "PERSON", False)
    assert anna.user_id == anna.user_id_including_inactive


@operation(
    "owners",
    "crm.owners.owners_api.get_page(archived)",
    "200: those who left, userId null, the id in another",
)
def test_archived_owners(account):
    [oliver] = account.strict.crm.owners.owners_api.get_page(archived=True).results
    assert (oliver.email, oliver.user_id) == ("oliver.stone@northlight.example", None)
    assert oliver.user_id_including_inactive


@operation("owners", "crm.owners.owners_api.get_by_id", "200, by id and by userId; 404 for an unknown id")
def test_owner(account, raises_status):
    api = account.strict.crm.owners.owners_api
    anna = api.get_page(email="anna.keller@northlight.example").results[0]
    assert api.get_by_id(int(anna.id)).email == anna.email
    assert api.get_by_id(anna.user_id, id_property="userId").id == anna.id
    raises_status(404, api.get_by_id, 1)


@pytest.fixture
def lists(account):
    return account.strict.crm.lists


def hot(lists, processing="MANUAL", **more):
    asked = ListCreateRequest(name="Hot", object_type_id="0-1", processing_type=processing, **more)
    return lists.lists_api.create(asked).list.list_id


@operation(
    "lists",
    "crm.lists.memberships_api.add, remove, add_and_remove",
    "200: who joined, left, or is missing",
)
def test_memberships(account, lists):
    ids = [account.contact(email=f"{name}@example.com") for name in "ab"]
    one, api = hot(lists), lists.memberships_api
    joined = api.add(one, [ids[0], "999"])
    assert (joined.records_ids_added, joined.record_ids_missing) == ([ids[0]], ["999"])
    change = MembershipChangeRequest(record_ids_to_add=[ids[1]], record_ids_to_remove=[ids[0]])
    changed = api.add_and_remove(one, change)
    assert (changed.records_ids_added, changed.record_ids_removed) == ([ids[1]], [ids[0]])
    assert [row.record_id for row in api.get_page(one).results] == [ids[1]]
    assert api.remove(one, [ids[1]]).record_ids_removed == [ids[1]]


@operation("lists", "crm.lists.memberships_api.add to a dynamic list", "400: manual and snapshot lists only")
def test_a_dynamic_list(lists, raises_status):
    one = hot(lists, "DYNAMIC", filter_branch={"filterBranchType": "OR", "filterBranches": [], "filters": []})
    raises_status(400, lists.memberships_api.add, one, ["1"])


@operation("lists", "crm.lists.lists_api.get_by_id, get_by_name, do_search", "200: the same list")
def test_finding_lists(lists):
    one = hot(lists)
    assert lists.lists_api.get_by_id(one).list.name == "Hot"
    assert lists.lists_api.get_by_name("Hot", "0-1").list.list_id == one
    assert lists.lists_api.do_search({"query": "hot"}).total == 1


@operation("lists", "crm.lists.lists_api.remove, restore", "204: then 404; 204: then 200")
def test_a_list_goes_and_comes_back(lists, raises_status):
    one = hot(lists)
    lists.lists_api.remove(one)
    raises_status(404, lists.lists_api.get_by_id, one)
    lists.lists_api.restore(one)
    assert lists.lists_api.get_by_id(one).list.list_id == one


@operation("lists", "crm.lists.lists_api.update_name", "200: the list under its new name")
def test_a_list_is_renamed(lists):
    one = hot(lists)
    assert lists.lists_api.update_name(one, list_name="Cold").updated_list.name == "Cold"
    assert lists.lists_api.get_by_id(one).list.name == "Cold"


@operation("lists", "crm.lists.lists_api.create of a known name", "400")
def test_a_list_of_a_known_name(lists, raises_status):
    hot(lists)
    raises_status(400, hot, lists)


@operation(
    "lists",
    "crm.lists.memberships_api.add_all_from_list, get_lists, remove_all",
    "204, 200: the lists of a record, 204",
)
def test_lists_of_a_record(account, lists):
    contact, source, target = account.contact(email="ada@example.com"), hot(lists), None
    lists.lists_api.update_name(source, list_name="Source")
    target, api = hot(lists), lists.memberships_api
    api.add(source, [contact])
    assert api.add_all_from_list_with_http_info(target, source)[1] == 204
    assert {row.list_id for row in api.get_lists("0-1", contact).results} == {source, target}
    assert api.remove_all_with_http_info(target)[1] == 204
    assert api.get_page(target).results == []
