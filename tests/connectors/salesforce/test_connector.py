"""What only Salesforce does: sessions that die, assignment rules, duplicate rules, converted Leads, pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
import requests

from connectors.salesforce.connector import SalesforceConnector
from model.change import Created, Exists, Gone, Postponed, RecordChange, Rejected, Updated
from model.errors import NotAuthorized, Refusal, RetryLater
from model.event import RecordRef
from model.lead import Identity
from sandbox import salesforce
from sandbox.server import running
from tests.connectors.endpoints import Notes, Tokens, an_endpoint
from tests.connectors.stub import Said

FIELDS = {"Lead": ("LastName", "Email", "OwnerId"), "Contact": ("LastName", "Email")}
LEAD_ID, OTHER_LEAD, CONTACT_ID = "00Q5g0000000001EAA", "00Q5g0000000002EAA", "0035g0000000001AAA"
DEAD = Said(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])


def a_lead(email="ada@example.com", *, key=None, lead=None, **fields):
    sent = {"Email": email, "LastName": "Lovelace", "Company": "Engines", **fields}
    identities = [Identity("email", email.lower())]
    if lead:
        identities.append(Identity("lead", lead))
    return RecordChange(key or email, "Lead", sent, identities=tuple(identities))


def a_change(record_id, **fields):
    return RecordChange(record_id, "Lead", fields, remote_id=record_id)


def on(stub, *tokens, **options):
    return SalesforceConnector("sf", an_endpoint(stub.url, *tokens, **options))


def items(*each):
    return Said(200, list(each))


def made(record_id):
    return {"id": record_id, "success": True, "errors": []}


def failed(code, message="…", fields=(), **more):
    return {
        "success": False,
        "errors": [{"statusCode": code, "message": message, "fields": list(fields), **more}],
    }


def found(**rows):
    """The answer of a composite call with a query for each object."""
    parts = [
        {"httpStatusCode": 200, "referenceId": name, "body": {"done": True, "records": rows.get(name, [])}}
        for name in ("Contact", "Lead")
    ]
    return Said(200, {"compositeResponse": parts})


@pytest.fixture
def org() -> Iterator[str]:
    """The address of a new sandbox org."""
    with running(salesforce.create_app()) as url:
        yield url


@pytest.fixture
def connector(org) -> SalesforceConnector:
    """A connector to the sandbox org."""
    return SalesforceConnector("sf", an_endpoint(org, salesforce.TOKEN))


def faults(org, **setting):
    requests.post(f"{org}/__sandbox/faults", json=setting, timeout=60).raise_for_status()


# Against the sandbox -------------------------------------------------------------------------


def test_a_person_who_is_a_contact_is_found_there_and_not_made_a_lead(org, connector):
    fields = {"LastName": "Lovelace", "Email": "Ada@Example.com"}
    body = {"object": "Contact", "fields": fields}
    contact = requests.post(f"{org}/__sandbox/act/create", json=body, timeout=60).json()
    [outcome] = connector.find([a_lead()], FIELDS)
    assert outcome.record.ref == RecordRef("sf", "Contact", contact["id"])
    assert outcome.record.fields["LastName"] == "Lovelace"


def test_a_converted_lead_is_not_the_person(org, connector):
    [created] = connector.create([a_lead()], FIELDS)
    body = {"object": "Lead", "id": created.ref.id, "fields": {"IsConverted": True}}
    requests.post(f"{org}/__sandbox/act/edit", json=body, timeout=60).raise_for_status()
    assert list(connector.find([a_lead()], FIELDS)) == []
    [gone] = connector.update([a_change(created.ref.id, Title="CTO")])
    assert isinstance(gone, Gone)
    assert "CANNOT_UPDATE_CONVERTED_LEAD" in gone.reason


@pytest.mark.parametrize("characters", ["15", "18"])
def test_a_lead_whose_answer_was_lost_exists_when_sent_again(org, connector, characters):
    faults(org, duplicate_names_id_of=characters)
    [created] = connector.create([a_lead(lead="L1")], FIELDS)
    [exists] = connector.create([a_lead("new@example.com", lead="L1")], FIELDS)
    assert exists.record.ref == created.ref
    assert exists.record.fields["Email"] == "ada@example.com"


@pytest.mark.parametrize("failing", ["item", "call"])
def test_a_field_that_does_not_exist_costs_its_record_only(org, connector, failing):
    faults(org, bad_field_fails=failing)
    batch = [a_lead(f"p{number}@example.com") for number in range(20)]
    batch[5] = a_lead("bad@example.com", Nope__c="x")
    outcomes = {outcome.key: type(outcome) for outcome in connector.create(batch, FIELDS)}
    assert outcomes.pop("bad@example.com") is Rejected
    assert set(outcomes.values()) == {Created}


def test_leads_and_contacts_go_out_in_one_call_however_they_are_mixed(org, connector):
    leads = [a_lead(f"p{number}@example.com") for number in range(12)]
    contacts = [RecordChange(f"c{number}", "Contact", {"LastName": "Byron"}) for number in range(12)]
    mixed = [change for pair in zip(leads, contacts, strict=True) for change in pair]
    outcomes = {outcome.key: outcome for outcome in connector.create(mixed, FIELDS)}
    assert {type(outcome) for outcome in outcomes.values()} == {Created}
    assert all(outcomes[change.key].ref.object == change.object for change in mixed)
    calls = requests.get(f"{org}/__sandbox/stats", timeout=60).json()["calls"]
    assert calls == {"POST /services/data/v68.0/composite/sobjects": 1}


def test_a_look_up_of_many_people_stays_one_call(org, connector):
    people = [a_lead(f"{'x' * 60}.{number}@example.com", lead=f"{number:064d}") for number in range(200)]
    list(connector.create(people, FIELDS))
    assert len(list(connector.find(people, FIELDS))) == 200
    calls = requests.get(f"{org}/__sandbox/stats", timeout=60).json()["calls"]
    assert calls["POST /services/data/v68.0/composite"] == 1


def test_an_update_leaves_the_owner_though_the_assignment_rule_would_not(org, connector):
    owner = next(each for each in connector.owners() if each.email == "elena.rossi@northlight.example")
    [created] = connector.create([a_lead(OwnerId=owner.id)], FIELDS)
    list(connector.update([a_change(created.ref.id, Title="CTO")]))
    [record] = connector.read([created.ref], FIELDS)
    assert record.fields["OwnerId"] == owner.id


# Against a stub that says what it is told ------------------------------------------------------


def test_writes_carry_their_headers_and_reads_do_not_ask_for_indented_answers(stub):
    stub.will_say(items(made(LEAD_ID)))
    list(on(stub).create([a_lead(lead="L1")], FIELDS))
    [asked] = stub.asked
    assert (asked.method, asked.path) == ("POST", "/services/data/v68.0/composite/sobjects")
    assert asked.headers["sforce-auto-assign"] == "FALSE"
    assert asked.headers["sforce-call-options"] == "client=leadrelay"
    assert asked.headers["authorization"] == "Bearer token"
    assert "x-prettyprint" not in asked.headers
    record = {"attributes": {"type": "Lead"}, "LeadRelay_Id__c": "L1", **a_lead().fields}
    assert asked.body == {"allOrNone": False, "records": [record]}


def test_a_session_that_died_is_replaced_once_and_the_call_keeps_its_headers(stub):
    stub.will_say(DEAD, items(made(LEAD_ID)))
    [outcome] = on(stub, "old", "new").create([a_lead()], FIELDS)
    assert isinstance(outcome, Created)
    old, new = stub.asked
    assert (old.headers["authorization"], new.headers["authorization"]) == ("Bearer old", "Bearer new")
    assert new.headers["sforce-auto-assign"] == "FALSE"
    assert new.body == old.body


def test_a_token_source_that_can_renew_is_told_which_token_was_refused(stub):
    class Vault(Tokens):
        def renew(self, refused: str) -> str:
            return f"better than {refused}"

    stub.will_say(DEAD, items(made(LEAD_ID)))
    endpoint = an_endpoint(stub.url)
    connector = SalesforceConnector("sf", type(endpoint)(endpoint.base_url, Vault(["old"]), Notes()))
    [outcome] = connector.create([a_lead()], FIELDS)
    assert isinstance(outcome, Created)
    assert stub.asked[1].headers["authorization"] == "Bearer better than old"


def test_a_session_that_stays_dead_is_not_tried_a_third_time(stub):
    stub.will_say(DEAD)
    with pytest.raises(NotAuthorized, match="Session expired"):
        list(on(stub, "old", "new").create([a_lead()], FIELDS))
    assert len(stub.asked) == 2


def test_records_that_a_duplicate_rule_names_are_read_the_contact_before_the_lead(stub):
    matches = [{"record": {"Id": LEAD_ID}}, {"record": {"Id": CONTACT_ID}}]
    duplicate = failed("DUPLICATES_DETECTED", duplicateResut={"matchResults": [{"matchRecords": matches}]})
    stub.will_say(items(duplicate), items({"Id": CONTACT_ID, "LastName": "Lovelace"}))
    [outcome] = on(stub).create([a_lead()], FIELDS)
    assert outcome.record.ref == RecordRef("sf", "Contact", CONTACT_ID)
    assert stub.asked[1].path == "/services/data/v68.0/composite/sobjects/Contact"
    assert stub.asked[1].body["ids"] == [CONTACT_ID]


def test_a_duplicate_that_names_no_record_is_looked_for(stub):
    row = {"Id": LEAD_ID, "Email": "Ada@Example.com"}
    stub.will_say(items(failed("DUPLICATES_DETECTED", "Use one of these records?")), found(Lead=[row]))
    [outcome] = on(stub).create([a_lead()], FIELDS)
    assert outcome.record.ref.id == LEAD_ID


def test_a_duplicate_that_nobody_finds_goes_to_a_person(stub):
    stub.will_say(items(failed("DUPLICATES_DETECTED", "Use one of these records?")), found())
    [outcome] = on(stub).create([a_lead()], FIELDS)
    why = "Salesforce DUPLICATES_DETECTED: Use one of these records?"
    assert outcome == Rejected("ada@example.com", why, code="DUPLICATES_DETECTED")


def test_a_lead_in_the_way_that_was_converted_is_the_contact_it_became(stub):
    message = f"duplicate value found: LeadRelay_Id__c duplicates value on record with id: {LEAD_ID[:15]}"
    stub.will_say(
        items(failed("DUPLICATE_VALUE", message)),
        items({"Id": LEAD_ID, "IsConverted": True, "ConvertedContactId": CONTACT_ID}),
        items({"Id": CONTACT_ID, "LastName": "Lovelace"}),
    )
    [outcome] = on(stub).create([a_lead()], FIELDS)
    assert outcome.record.ref == RecordRef("sf", "Contact", CONTACT_ID)


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"])
def test_a_code_that_may_mean_the_owner_is_looked_into(stub, code):
    stub.will_say(items(failed(code), failed(code)), items({"Id": LEAD_ID}, None))
    outcomes = on(stub).update([a_change(LEAD_ID, OwnerId="x"), a_change(OTHER_LEAD, OwnerId="x")])
    assert {outcome.key: type(outcome) for outcome in outcomes} == {LEAD_ID: Rejected, OTHER_LEAD: Gone}


def test_a_lead_converted_meanwhile_is_gone(stub):
    stub.will_say(items(failed("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")))
    [outcome] = on(stub).update([a_change(LEAD_ID, Title="x")])
    assert isinstance(outcome, Gone)


def test_what_was_sent_is_what_an_update_tells(stub):
    stub.will_say(items(made(LEAD_ID)))
    [outcome] = on(stub).update([a_change(LEAD_ID[:15], Title="CTO")])
    assert outcome == Updated(LEAD_ID[:15], RecordRef("sf", "Lead", LEAD_ID), {"Title": "CTO"})
    assert stub.asked[0].body["records"][0]["id"] == LEAD_ID


@pytest.mark.parametrize(
    "answer",
    [items(), items(made(LEAD_ID), made(OTHER_LEAD)), Said(200, {}), Said(204), Said(200, b"<html>")],
)
def test_an_answer_that_does_not_fit_the_call_is_lost(stub, answer):
    stub.will_say(answer)
    [outcome] = on(stub).create([a_lead()], FIELDS)
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost


def test_a_success_without_an_id_is_a_lost_answer(stub):
    stub.will_say(items({"success": True, "errors": []}))
    [outcome] = on(stub).create([a_lead()], FIELDS)
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost


def test_both_queries_travel_in_one_body(stub):
    stub.will_say(found())
    assert list(on(stub).find([a_lead(lead="L1")], FIELDS)) == []
    [asked] = stub.asked
    assert (asked.method, asked.path) == ("POST", "/services/data/v68.0/composite")
    urls = [unquote(each["url"]) for each in asked.body["compositeRequest"]]
    assert all(url.startswith("/services/data/v68.0/query/?q=SELECT ") for url in urls)
    assert len(urls) == 2


def test_a_look_up_too_long_for_one_query_is_cut(stub):
    stub.will_say(found())
    people = [a_lead(f"{number}{'x' * 700}@example.com") for number in range(200)]
    assert list(on(stub).find(people, FIELDS)) == []
    assert len(stub.asked) == 2


def test_a_query_that_failed_decides_nothing_about_anybody(stub):
    contact = {"httpStatusCode": 200, "referenceId": "Contact", "body": {"done": True, "records": []}}
    error = [{"errorCode": "QUERY_TIMEOUT", "message": "running for too long"}]
    lead = {"httpStatusCode": 400, "referenceId": "Lead", "body": error}
    stub.will_say(Said(200, {"compositeResponse": [contact, lead]}))
    outcomes = list(on(stub).find([a_lead(), a_lead("b@x.de")], FIELDS))
    assert {(type(outcome), outcome.answer_lost) for outcome in outcomes} == {(Postponed, False)}
    assert len(outcomes) == 2
    stub.will_say(Said(200, {"compositeResponse": [contact]}))
    assert [type(outcome) for outcome in on(stub).find([a_lead()], FIELDS)] == [Postponed]


def test_a_field_that_the_org_does_not_have_stops_the_look_up_at_once(stub):
    error = [
        {"errorCode": "INVALID_FIELD", "message": "No such column 'LeadRelay_Id__c' on entity 'Contact'"}
    ]
    part = {"httpStatusCode": 400, "referenceId": "Contact", "body": error}
    stub.will_say(Said(200, {"compositeResponse": [part]}))
    outcomes = list(on(stub).find([a_lead(), a_lead("b@x.de")], FIELDS))
    assert [type(outcome) for outcome in outcomes] == [Rejected, Rejected]
    assert len(stub.asked) == 1


def test_further_pages_of_a_look_up_are_followed(stub):
    first = {"done": False, "nextRecordsUrl": "/services/data/v68.0/query/01g-2000", "records": []}
    parts = [
        {"httpStatusCode": 200, "referenceId": "Contact", "body": {"done": True, "records": []}},
        {"httpStatusCode": 200, "referenceId": "Lead", "body": first},
    ]
    row = {"Id": LEAD_ID, "Email": "ada@example.com"}
    stub.will_say(Said(200, {"compositeResponse": parts}), Said(200, {"done": True, "records": [row]}))
    [outcome] = on(stub).find([a_lead()], FIELDS)
    assert isinstance(outcome, Exists)
    assert stub.asked[1].path == "/services/data/v68.0/query/01g-2000"


def test_a_delete_that_failed_is_raised_and_one_of_a_record_that_is_gone_is_not(stub):
    refs = [RecordRef("sf", "Lead", LEAD_ID), RecordRef("sf", "Lead", OTHER_LEAD)]
    stub.will_say(items(made(LEAD_ID), failed("ENTITY_IS_DELETED")))
    on(stub).delete(refs)
    stub.will_say(items(made(LEAD_ID), failed("DELETE_FAILED", "has children")))
    with pytest.raises(Refusal, match="has children"):
        on(stub).delete(refs)
    stub.will_say(items(made(LEAD_ID), failed("UNABLE_TO_LOCK_ROW")))
    with pytest.raises(RetryLater):
        on(stub).delete(refs)


def test_no_other_host_is_reached_even_where_the_server_sends_us_there(stub):
    stub.will_say(Said(302, b"", {"Location": "https://elsewhere.example/"}))
    [outcome] = on(stub).create([a_lead()], FIELDS)
    assert isinstance(outcome, Postponed)
    assert len(stub.asked) == 1


def test_threads_share_a_connector_and_each_has_its_own_session(stub):
    def answer(asked):
        return items(*(made(LEAD_ID) for _ in asked.body["records"]))

    stub.will_say(answer)
    endpoint = an_endpoint(stub.url)
    connector = SalesforceConnector("sf", endpoint)
    mine = threading.local()
    assert isinstance(endpoint.tokens, Tokens)
    endpoint.tokens.token = lambda: mine.token  # type: ignore[method-assign]
    wrong = []

    def work(number):
        for each in range(20):
            mine.token = f"token-{number}-{each // 10}"
            change = a_lead(f"{mine.token}@example.com")
            if not isinstance(next(connector.create([change], FIELDS)), Created):
                wrong.append(change.key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for asked in stub.asked:
        token = asked.body["records"][0]["Email"].removesuffix("@example.com")
        assert asked.headers["authorization"] == f"Bearer {token}"


def test_a_call_ends_when_its_time_is_up(stub):
    stub.will_say(Said(200, [made(LEAD_ID)], after=60))
    started = time.monotonic()
    [outcome] = on(stub, timeout=(1.0, 0.1)).create([a_lead()], FIELDS)
    assert outcome.answer_lost
    assert time.monotonic() - started < 30


def test_a_dead_session_without_another_token_is_not_tried_again(stub):
    stub.will_say(DEAD)
    with pytest.raises(NotAuthorized):
        list(on(stub).update([a_change(LEAD_ID, Title="CTO")]))
    assert len(stub.asked) == 1


def test_an_id_that_is_none_is_not_asked_for_as_it_would_fail_the_others(stub):
    stub.will_say(items({"Id": LEAD_ID}))
    refs = [RecordRef("sf", "Lead", "101"), RecordRef("sf", "Lead", LEAD_ID)]
    assert [record.ref for record in on(stub).read(refs, FIELDS)] == refs[1:]
    assert stub.asked[0].body["ids"] == [LEAD_ID]
