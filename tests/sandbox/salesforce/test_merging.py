"""Merges, and the recycle bin."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.soap import call, elements, results
from tests.sandbox.salesforce.test_single import error_of


@pytest.fixture
def soap(api):
    return lambda operation: results(call(api.url, operation))


def merge_of(kind, master, *others, **fields):
    record = f"<masterRecord><o:type>{kind}</o:type>{elements(Id=master, **fields)}</masterRecord>"
    ids = "".join(elements(recordToMergeIds=other) for other in others)
    return f"<merge><request>{record}{ids}</request></merge>"


@pytest.mark.parametrize("name", ["request", "mergeRequest", "mergeRequests"])
def test_a_request_is_known_by_what_it_holds_whatever_a_client_calls_it(api, soap, name):
    master, loser = api.lead(), api.lead()
    [told] = soap(merge_of("Lead", master, loser).replace("request>", f"{name}>"))
    assert (told["success"], told["mergedRecordIds"]) == ("true", loser)


def test_the_losers_name_the_winner_and_their_children_are_its(api, soap):
    master, loser, third = (api.lead(FirstName=name) for name in "ABC")
    task = api.make("Task", WhoId=loser)
    campaign = api.make("Campaign", Name="x")
    for lead in (master, loser):
        api.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    [told] = soap(merge_of("Lead", master, loser, third, Title="CTO"))
    assert told == {
        "id": master, "mergedRecordIds": [loser, third], "success": "true", "updatedRelatedIds": task,
    }  # fmt: skip
    rows = api.rows("SELECT Id, IsDeleted, MasterRecordId, Title FROM Lead ORDER BY Id", also_deleted=True)
    assert rows == [
        {"Id": master, "IsDeleted": False, "MasterRecordId": None, "Title": "CTO"},
        {"Id": loser, "IsDeleted": True, "MasterRecordId": master, "Title": None},
        {"Id": third, "IsDeleted": True, "MasterRecordId": master, "Title": None},
    ]
    assert api.rows("SELECT WhoId FROM Task") == [{"WhoId": master}]
    assert api.rows("SELECT Owner.Type FROM Lead")[0]["Owner"]["Type"] == "User", "no assignment rule ran"
    assert api.rows("SELECT LeadId FROM CampaignMember") == [{"LeadId": master}]
    assert error_of(api.get(f"sobjects/Lead/{loser}"))[1] == "ENTITY_IS_DELETED"


def test_a_merged_account_hands_on_contacts_and_opportunities(api, soap):
    master, loser = api.make("Account", Name="A"), api.make("Account", Name="B")
    contact = api.contact(AccountId=loser)
    deal = api.make("Opportunity", Name="d", StageName="Prospecting", CloseDate="2026-12-31", AccountId=loser)
    soap(merge_of("Account", master, loser))
    assert api.rows(f"SELECT AccountId FROM Contact WHERE Id = '{contact}'") == [{"AccountId": master}]
    assert api.rows(f"SELECT AccountId FROM Opportunity WHERE Id = '{deal}'") == [{"AccountId": master}]


def test_merges_that_are_refused_change_nothing(api, soap):
    leads = [api.lead() for _ in range(4)]
    [many] = soap(merge_of("Lead", *leads))
    assert many["errors"]["statusCode"] == "MERGE_FAILED"
    [mixed] = soap(merge_of("Lead", leads[0], api.contact()))
    assert mixed["errors"]["statusCode"] == "MERGE_FAILED"
    [wrong] = soap(merge_of("Lead", leads[0], leads[1], Email="no"))
    assert wrong["errors"]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    assert api.query("SELECT COUNT() FROM Lead").json()["totalSize"] == 4


def test_a_person_merges_and_restores(api):
    master, loser = api.lead(), api.lead(Title="x")
    done = api.control("act/merge", {"object": "Lead", "id": master, "other": loser})
    assert (done.status_code, done.json()["id"]) == (200, master)
    assert api.control("act/restore", {"object": "Lead", "id": loser}).status_code == 200
    assert api.read(loser, "Title,IsDeleted") == {"Title": "x", "IsDeleted": False}
    missing = api.control("act/merge", {"object": "Lead", "id": master, "other": "x"})
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_record")


def test_an_undelete_brings_back_what_went_along(api, soap):
    account = api.make("Account", Name="A")
    contact = api.contact(AccountId=account, LeadRelay_Id__c="lr-1")
    api.delete(f"sobjects/Account/{account}")
    [told] = soap(f"<undelete>{elements(ids=account)}</undelete>")
    assert told == {"id": account, "success": "true"}
    assert api.get("sobjects/Contact/LeadRelay_Id__c/lr-1").json()["Id"] == contact
    [again] = soap(f"<undelete>{elements(ids=account)}</undelete>")
    assert again["errors"]["statusCode"] == "UNDELETE_FAILED"


def test_a_person_comes_back_with_memberships_and_tasks(api, soap):
    lead, campaign = api.lead(), api.make("Campaign", Name="x")
    api.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    api.make("Task", WhoId=lead)
    api.delete(f"sobjects/Lead/{lead}")
    soap(f"<undelete>{elements(ids=lead)}</undelete>")
    assert api.rows("SELECT LeadId FROM CampaignMember") == [{"LeadId": lead}]
    assert api.rows("SELECT WhoId FROM Task") == [{"WhoId": lead}]


def test_an_undelete_fails_where_another_record_has_taken_the_unique_value(api, soap):
    lead = api.lead(LeadRelay_Id__c="lr-1")
    api.delete(f"sobjects/Lead/{lead}")
    api.lead(LeadRelay_Id__c="lr-1")
    [told] = soap(f"<undelete>{elements(ids=lead)}</undelete>")
    assert told["errors"]["statusCode"] == "DUPLICATE_VALUE"


def test_an_emptied_recycle_bin_is_seen_by_no_query(api, soap):
    lead, kept = api.lead(), api.lead()
    [early] = soap(f"<emptyRecycleBin>{elements(ids=lead)}</emptyRecycleBin>")
    assert early["success"] == "false"
    api.delete(f"sobjects/Lead/{lead}")
    [told] = soap(f"<emptyRecycleBin>{elements(ids=lead)}</emptyRecycleBin>")
    assert told["success"] == "true"
    assert api.rows("SELECT Id FROM Lead", also_deleted=True) == [{"Id": kept}]
    assert api.rows(f"SELECT Id FROM Lead WHERE Id = '{lead}'", also_deleted=True) == []
    assert error_of(api.get(f"sobjects/Lead/{lead}"))[1] == "NOT_FOUND"
