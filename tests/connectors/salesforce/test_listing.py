"""What only Salesforce's listing does: converted Leads, answers cut short, fields it does not have."""

from __future__ import annotations

import pytest
import requests

from connectors.salesforce.connector import SalesforceConnector
from model.errors import RetryLater
from sandbox import salesforce
from sandbox.server import running
from tests.connectors.endpoints import Notes, an_endpoint
from tests.connectors.stub import Said

LEAD_IDS = ("00Q5g0000000001EAA", "00Q5g0000000002EAA", "00Q5g0000000003EAA")


@pytest.fixture
def org():
    """The address of a new sandbox org."""
    with running(salesforce.create_app()) as url:
        yield url


def act(org, verb, **body):
    answer = requests.post(f"{org}/__sandbox/act/{verb}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def part(name, rows, *, next_url=None):
    body = {"done": next_url is None, "totalSize": len(rows), "records": rows}
    if next_url:
        body["nextRecordsUrl"] = next_url
    return {"httpStatusCode": 200, "referenceId": name, "body": body}


def composite(*parts):
    return Said(200, {"compositeResponse": list(parts)})


def on(stub, **options):
    return SalesforceConnector("sf", an_endpoint(stub.url, **options))


def test_a_converted_lead_names_the_contact_it_became(org):
    connector = SalesforceConnector("sf", an_endpoint(org, salesforce.TOKEN))
    fields = {"LastName": "Lovelace", "Company": "Engines", "Email": "ada@example.com"}
    lead = act(org, "create", object="Lead", fields=fields)
    act(org, "convert", object="Lead", id=lead["id"])
    [one] = connector.list_page("Lead", ["Email"], None).listed
    [contact] = connector.list_page("Contact", ["Email"], None).listed
    assert one.became == contact.record.ref.id
    assert contact.became is None


def test_an_answer_that_is_cut_short_is_read_to_its_end(stub):
    rows = [{"Id": each, "Email": None} for each in LEAD_IDS]
    more = "/services/data/v68.0/query/01g000000000001-2000"
    stub.will_say(
        composite(
            part("page", rows[:2], next_url=more),
            part("next", [{"Id": "00Q5g0000000004EAA"}]),
            part("total", [{"records": 4}]),
        ),
        Said(200, {"done": True, "totalSize": 3, "records": rows[2:]}),
    )
    page = on(stub).list_page("Lead", ["Email"], None)
    assert [one.record.ref.id for one in page.listed] == list(LEAD_IDS)
    assert (page.after, page.total) == (LEAD_IDS[2], 4)
    assert stub.asked[1].path == more


def test_a_row_without_an_id_is_skipped_and_counted(stub):
    stub.will_say(composite(part("page", [{"Id": LEAD_IDS[0]}, {"Email": "a@b.c"}]), part("next", [])))
    page = on(stub).list_page("Lead", ["Email"], LEAD_IDS[1])
    assert (len(page.listed), page.skipped, page.after, page.total) == (1, 1, None, None)


def test_what_the_org_lacks_is_asked_for_once(stub):
    refused = {
        "httpStatusCode": 400,
        "referenceId": "page",
        "body": [{"errorCode": "INVALID_FIELD", "message": "No such column 'LeadRelay_Id__c'"}],
    }
    stub.will_say(
        composite(refused, part("next", []), part("total", [])),
        Said(200, {"fields": [{"name": "Id"}, {"name": "Email"}, {"name": "CreatedDate"}]}),
        composite(
            part("page", [{"Id": LEAD_IDS[0], "Email": "a@b.c"}]),
            part("next", []),
            part("total", [{"records": 1}]),
        ),
    )
    page = on(stub).list_page("Lead", ["Email", "LeadRelay_Score__c"], None)
    assert page.absent == ("LeadRelay_Score__c",)
    assert page.listed[0].record.fields["LeadRelay_Score__c"] is None
    assert "LeadRelay" not in str(stub.asked[2].body)


def test_a_query_of_the_call_that_was_not_answered_is_asked_again(stub):
    stub.will_say(composite(part("page", [])))
    with pytest.raises(RetryLater):
        on(stub).list_page("Lead", ["Email"], None)


def test_a_page_is_one_call(org):
    budget = Notes()
    SalesforceConnector("sf", an_endpoint(org, salesforce.TOKEN, budget=budget)).list_page(
        "Lead", ["Email"], None
    )
    assert budget.calls == 1
