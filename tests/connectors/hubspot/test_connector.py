"""What only HubSpot does: trace ids, conflicts in two shapes, merges, and 2xx that say nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from connectors.hubspot.connector import HubSpotConnector
from model.change import Created, Exists, Gone, Postponed, RecordChange, Rejected, Updated
from model.errors import NotAuthorized, Refusal, RetryLater
from model.event import RecordRef
from model.lead import Identity
from sandbox import hubspot
from sandbox.server import running
from tests.connectors.endpoints import Tokens, an_endpoint
from tests.connectors.stub import Said

FIELDS = {"contacts": ("email", "firstname", "lifecyclestage")}


def a_contact(email=None, *, key=None, lead=None, **fields):
    sent = {"email": email, **fields} if email else fields
    identities = (Identity("lead", lead),) if lead else ()
    return RecordChange(key or str(email), "contacts", sent, identities=identities)


def on(stub, *tokens, **options):
    return HubSpotConnector("hubspot", an_endpoint(stub.url, *tokens, **options))


@pytest.fixture
def account() -> Iterator[str]:
    """The address of a new sandbox account."""
    with running(hubspot.create_app()) as url:
        yield url


@pytest.fixture
def connector(account) -> HubSpotConnector:
    """A connector to the sandbox account."""
    return HubSpotConnector("hubspot", an_endpoint(account, hubspot.TOKEN, external_id_field="leadrelay_id"))


def faults(account, **setting):
    requests.post(f"{account}/__sandbox/faults", json=setting, timeout=60).raise_for_status()


def calls_of(account) -> int:
    return sum(requests.get(f"{account}/__sandbox/stats", timeout=60).json()["calls"].values())


# Against the sandbox -------------------------------------------------------------------------


def test_a_conflict_for_the_whole_call_costs_one_read_and_one_more_call(account, connector):
    old = [a_contact(f"old{number}@example.com", firstname="Old") for number in range(10)]
    list(connector.create(old, FIELDS))
    faults(account, batch_create_conflict="409")
    new = [a_contact(f"new{number}@example.com") for number in range(20)]
    outcomes = {outcome.key: outcome for outcome in connector.create([*new, *old], FIELDS)}
    assert {type(outcomes[change.key]) for change in new} == {Created}
    assert {outcomes[change.key].record.fields["firstname"] for change in old} == {"Old"}
    calls = requests.get(f"{account}/__sandbox/stats", timeout=60).json()["calls"]
    assert calls["POST /crm/objects/2026-09/contacts/batch/create"] == 3
    assert calls["POST /crm/objects/2026-09/contacts/batch/read"] == 1


def test_results_in_another_order_reach_their_changes(account, connector):
    faults(account, batch_order="shuffled")
    people = [a_contact(f"p{number}@example.com", firstname=f"P{number}") for number in range(50)]
    outcomes = {outcome.key: outcome for outcome in connector.create(people, FIELDS)}
    assert all(outcomes[person.key].fields["firstname"] == person.fields["firstname"] for person in people)


def test_an_address_twice_in_a_call_is_created_once_whatever_its_case(connector):
    ada, twin = a_contact("Ada@Example.com"), a_contact("ada@example.COM", key="twin")
    first, second = connector.create([ada, twin], FIELDS)
    assert (type(first), type(second)) == (Created, Postponed)
    assert not second.answer_lost
    [again] = connector.create([twin], FIELDS)
    assert isinstance(again, Exists)


def test_a_second_address_of_a_contact_finds_it(account, connector):
    [ada] = connector.create([a_contact("ada@example.com", hs_additional_emails="ada@home.example")], FIELDS)
    [exists] = connector.create([a_contact("ada@home.example")], FIELDS)
    assert exists.record.ref == ada.ref


@pytest.mark.parametrize("shape", ["207", "409"])
def test_our_own_id_on_another_address_is_the_same_person(account, connector, shape):
    [before] = connector.create([a_contact("before@example.com", leadrelay_id="L1", lead="L1")], FIELDS)
    faults(account, batch_create_conflict=shape)
    changes = [a_contact("after@example.com", leadrelay_id="L1", lead="L1"), a_contact("new@example.com")]
    outcomes = {outcome.key: outcome for outcome in connector.create(changes, FIELDS)}
    assert outcomes["after@example.com"].record.ref == before.ref
    assert isinstance(outcomes["new@example.com"], Created)


def test_a_stage_that_goes_back_is_emptied_and_set_and_only_that_costs_two_more_calls(account, connector):
    people = [a_contact(f"p{n}@example.com", lifecyclestage="customer") for n in range(30)]
    refs = [outcome.ref for outcome in connector.create(people, FIELDS)]
    before = calls_of(account)
    stages = ["lead" if n % 2 else "evangelist" for n in range(30)]
    changes = [
        RecordChange(f"k{n}", "contacts", {"lifecyclestage": stage, "firstname": "A"}, remote_id=ref.id)
        for n, (ref, stage) in enumerate(zip(refs, stages, strict=True))
    ]
    outcomes = {outcome.key: outcome for outcome in connector.update(changes)}
    assert calls_of(account) - before == 3
    assert {type(outcome) for outcome in outcomes.values()} == {Updated}
    assert [outcomes[f"k{n}"].fields["lifecyclestage"] for n in range(30)] == stages
    held = {record.ref: record.fields for record in connector.read(refs, FIELDS)}
    assert [held[ref]["lifecyclestage"] for ref in refs] == stages
    assert {held[ref]["firstname"] for ref in refs} == {"A"}


def test_a_stage_that_is_known_to_go_back_is_emptied_at_once_and_no_call_changes_nothing(account, connector):
    refs = [
        outcome.ref
        for outcome in connector.create(
            [a_contact(f"p{n}@example.com", lifecyclestage="opportunity") for n in range(3)], FIELDS
        )
    ]
    before = calls_of(account)
    stages = ["lead", "customer", "opportunity"]
    changes = [
        RecordChange(
            stage, "contacts", {"lifecyclestage": stage, "firstname": "A"}, remote_id=ref.id,
            held={"lifecyclestage": "opportunity", "firstname": None},
        )
        for ref, stage in zip(refs, stages, strict=True)
    ]  # fmt: skip
    outcomes = {outcome.key: outcome for outcome in connector.update(changes)}
    assert calls_of(account) - before == 2
    assert [outcomes[stage].fields["lifecyclestage"] for stage in stages] == stages
    held = {record.ref: record.fields for record in connector.read(refs, FIELDS)}
    assert [(held[ref]["lifecyclestage"], held[ref]["firstname"]) for ref in refs] == [
        (stage, "A") for stage in stages
    ]
    writes = requests.get(f"{account}/__sandbox/history", timeout=60).json()["writes"]
    stepwise = [
        write["changes"].get("lifecyclestage")
        for write in writes
        if write["id"] == refs[0].id and write["kind"] == "update"
    ]
    assert stepwise == [["opportunity", None], [None, "lead"]]


@pytest.mark.parametrize("failed", [0, 1])
def test_a_stage_that_was_emptied_and_perhaps_not_set_is_in_doubt(stub, failed):
    emptied = Said(200, {"status": "COMPLETE", "results": [row("1", properties={"lifecyclestage": ""})]})
    stub.will_say(*[emptied][:failed], Said(503, {"message": "busy"}))
    back = RecordChange(
        "k1", "contacts", {"lifecyclestage": "lead"}, remote_id="1", held={"lifecyclestage": "customer"}
    )
    [outcome] = on(stub, "t").update([back])
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost
    sent = [asked.body["inputs"][0]["properties"] for asked in stub.asked]
    assert sent == [{"lifecyclestage": ""}, {"lifecyclestage": "lead"}][: failed + 1]


@pytest.mark.parametrize("failed", [1, 2])
def test_a_stage_whose_way_back_broke_off_is_in_doubt_and_goes_back_the_next_time(stub, failed):
    """The record is blank there meanwhile, or as it was: it is read before anything is sent again."""
    stands = Said(
        200, {"status": "COMPLETE", "results": [row("1", properties={"lifecyclestage": "customer"})]}
    )
    emptied = Said(200, {"status": "COMPLETE", "results": [row("1", properties={"lifecyclestage": ""})]})
    stub.will_say(*[stands, emptied][:failed], Said(503, {"message": "busy"}))
    back = RecordChange("k1", "contacts", {"lifecyclestage": "lead", "firstname": "A"}, remote_id="1")
    [outcome] = on(stub, "t").update([back])
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost
    sent = [asked.body["inputs"][0]["properties"] for asked in stub.asked[:failed]]
    assert sent == [{"lifecyclestage": "lead", "firstname": "A"}, {"lifecyclestage": ""}][:failed]


def test_a_stage_that_cannot_be_set_at_all_comes_back_as_it_stands(stub):
    stub.will_say(
        Said(200, {"status": "COMPLETE", "results": [row("1", properties={"lifecyclestage": "customer"})]})
    )
    back = RecordChange("k1", "contacts", {"lifecyclestage": "lead"}, remote_id="1")
    [outcome] = on(stub, "t").update([back])
    assert isinstance(outcome, Updated)
    assert outcome.fields["lifecyclestage"] == "customer"
    assert len(stub.asked) == 3


def test_the_old_paths_can_be_taken(account):
    connector = HubSpotConnector("hubspot", an_endpoint(account, hubspot.TOKEN, api_version="v3"))
    [created] = connector.create([a_contact("ada@example.com")], FIELDS)
    assert list(connector.owners())
    assert next(connector.read([created.ref], FIELDS)).ref == created.ref
    calls = requests.get(f"{account}/__sandbox/stats", timeout=60).json()["calls"]
    assert all("/crm/v3/" in call for call in calls)


def test_an_owners_list_of_several_pages_is_read_to_its_end(account, connector):
    for number in range(120):
        fields = {"email": f"o{number}@example.com", "firstName": "O", "lastName": str(number)}
        requests.post(
            f"{account}/__sandbox/act/create", json={"object": "owners", "fields": fields}, timeout=60
        )
    assert len(list(connector.owners())) == 120 + 9


# Against a stub that says what it is told ------------------------------------------------------


def row(record_id, **more):
    properties = more.pop("properties", {})
    return {"id": record_id, "properties": properties, "updatedAt": "2026-11-21T10:00:00.123Z", **more}


def test_each_input_goes_out_with_its_key_as_trace_id_and_the_token_of_the_moment(stub):
    stub.will_say(Said(201, {"status": "COMPLETE", "results": [row("1", objectWriteTraceId="k1")]}))
    connector = on(stub, "first", "second")
    for key in ("k1", "k1"):
        list(connector.create([a_contact("ada@example.com", key=key, phone=None)], FIELDS))
    assert [asked.headers["authorization"] for asked in stub.asked] == ["Bearer first", "Bearer second"]
    assert stub.asked[0].path == "/crm/objects/2026-09/contacts/batch/create"
    properties = {"email": "ada@example.com", "phone": ""}
    assert stub.asked[0].body == {"inputs": [{"objectWriteTraceId": "k1", "properties": properties}]}


def test_results_without_trace_ids_are_told_by_address_and_the_last_one_by_order(stub):
    results = [
        row("2", properties={"email": "B@x.example"}),
        row("3"),
        row("1", properties={"email": "a@x.example"}),
    ]
    stub.will_say(Said(201, {"status": "COMPLETE", "results": results}))
    changes = [a_contact("a@x.example"), a_contact("b@x.example"), a_contact(key="nobody", phone="1")]
    outcomes = on(stub).create(changes, FIELDS)
    assert {outcome.key: outcome.ref.id for outcome in outcomes} == {
        "a@x.example": "1",
        "b@x.example": "2",
        "nobody": "3",
    }


@pytest.mark.parametrize(
    "answer",
    [
        Said(200, {"status": "COMPLETE", "results": []}),
        Said(201, {"status": "PROCESSING", "results": []}),
        Said(202, b""),
        Said(201, b"<html>"),
        Said(201, ["a list"]),
        Said(204),
    ],
)
def test_a_success_that_does_not_name_the_record_is_a_lost_answer(stub, answer):
    stub.will_say(answer)
    [outcome] = on(stub).create([a_contact("ada@example.com")], FIELDS)
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost


def test_a_create_answered_200_is_still_a_create(stub):  # hubspot-api-python issue 448
    stub.will_say(Said(200, {"status": "COMPLETE", "results": [row("1", objectWriteTraceId="k")]}))
    [outcome] = on(stub).create([a_contact("ada@example.com", key="k")], FIELDS)
    assert isinstance(outcome, Created)


def test_errors_that_name_nobody_send_the_unnamed_again_until_the_culprit_stands_alone(stub):
    bad = {"category": "VALIDATION_ERROR", "message": "no"}

    def answer(asked):
        inputs = asked.body["inputs"]
        good = [each for each in inputs if each["objectWriteTraceId"] != "bad"]
        results = [
            row(each["objectWriteTraceId"], objectWriteTraceId=each["objectWriteTraceId"]) for each in good
        ]
        errors = [bad, bad] if len(good) < len(inputs) else []
        return Said(207, {"status": "COMPLETE", "results": results[: len(results) // 2], "errors": errors})

    stub.will_say(answer)
    changes = [
        *(a_contact(key=str(number), phone="1") for number in range(3)),
        a_contact(key="bad", phone="1"),
    ]
    outcomes = {outcome.key: outcome for outcome in on(stub).create(changes, FIELDS)}
    assert isinstance(outcomes["bad"], Rejected)
    assert len(outcomes) == 4


def test_a_conflict_with_a_record_that_cannot_be_read_waits(stub):
    stub.will_say(
        Said(409, {"message": "Contact already exists. Existing ID: 5", "category": "CONFLICT"}),
        Said(200, {"status": "COMPLETE", "results": []}),
    )
    [outcome] = on(stub).create([a_contact("ada@example.com")], FIELDS)
    assert isinstance(outcome, Postponed)
    assert not outcome.answer_lost
    assert "Existing ID: 5" in outcome.reason


def test_a_merged_record_is_read_under_its_present_id(stub):
    merged = row("300", properties={"email": "a@x.example", "hs_merged_object_ids": "100;200"})
    stub.will_say(Said(200, {"status": "COMPLETE", "results": [merged]}))
    [record] = on(stub).read([RecordRef("hubspot", "contacts", "100")], FIELDS)
    assert record.ref.id == "300"
    assert record.fields["hs_merged_object_ids"].split(";") == ["100", "200"]
    assert "hs_merged_object_ids" in stub.asked[0].body["properties"]


def test_a_call_refused_for_a_record_that_is_not_there_leaves_the_others(stub):
    def answer(asked):
        if any(each["id"] == "9" for each in asked.body["inputs"]):
            return Said(404, {"message": "resource not found", "category": "OBJECT_NOT_FOUND"})
        return Said(
            200, {"status": "COMPLETE", "results": [row(each["id"]) for each in asked.body["inputs"]]}
        )

    stub.will_say(answer)
    changes = [RecordChange(each, "contacts", {"firstname": "A"}, remote_id=each) for each in "789"]
    outcomes = {outcome.key: type(outcome) for outcome in on(stub).update(changes)}
    assert outcomes == {"7": Updated, "8": Updated, "9": Gone}


def test_a_wrong_path_does_not_make_records_gone(stub):
    stub.will_say(Said(404, b"not here"))
    change = RecordChange("k", "contacts", {"firstname": "A"}, remote_id="7")
    [outcome] = on(stub).update([change])
    assert isinstance(outcome, Postponed)
    with pytest.raises(RetryLater):
        list(on(stub).read([RecordRef("hubspot", "contacts", "7")], FIELDS))


def test_a_record_that_was_not_read_is_not_called_gone(stub):
    busy = {"category": "RATE_LIMITS", "message": "busy", "context": {"ids": ["7"]}}
    stub.will_say(Said(207, {"status": "COMPLETE", "results": [], "errors": [busy]}))
    with pytest.raises(RetryLater, match="busy"):
        list(on(stub).read([RecordRef("hubspot", "contacts", "7")], FIELDS))


def test_an_error_page_that_is_not_utf8_is_an_error_like_any_other(stub):
    stub.will_say(Said(502, b"\xff\xfe bad gateway"))
    [outcome] = on(stub).create([a_contact("ada@example.com")], FIELDS)
    assert outcome.answer_lost


def test_an_empty_answer_leaves_a_write_in_doubt(stub):
    stub.will_say(Said(0))
    [outcome] = on(stub).create([a_contact("ada@example.com")], FIELDS)
    assert outcome.answer_lost


def test_no_call_is_repeated_behind_our_back(stub):
    stub.will_say(Said(503, b"", {"Retry-After": "0"}))
    with pytest.raises(RetryLater):
        list(on(stub).owners())
    assert len(stub.asked) == 1


def test_threads_share_a_connector_and_each_sends_its_own_token(stub):
    def answer(asked):
        results = [row("1", objectWriteTraceId=each["objectWriteTraceId"]) for each in asked.body["inputs"]]
        return Said(201, {"status": "COMPLETE", "results": results})

    stub.will_say(answer)
    endpoint = an_endpoint(stub.url)
    connector = HubSpotConnector("hubspot", endpoint)
    mine = threading.local()
    assert isinstance(endpoint.tokens, Tokens)
    endpoint.tokens.token = lambda: mine.token  # type: ignore[method-assign]
    wrong = []

    def work(number):
        mine.token = f"token-{number}"
        for each in range(20):
            change = a_contact(key=f"{number}.{each}", phone="1")
            if not isinstance(next(connector.create([change], FIELDS)), Created):
                wrong.append(change.key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for asked in stub.asked:
        number = asked.body["inputs"][0]["objectWriteTraceId"].split(".")[0]
        assert asked.headers["authorization"] == f"Bearer token-{number}"


class Renewing(Tokens):
    """Tokens of a grant: another one where the first was refused, while there is one."""

    def renew(self, refused: str) -> str:
        return self.waiting.pop(0) if self.waiting[0] != refused else refused


def renewing(stub, *tokens):
    endpoint = an_endpoint(stub.url)
    source = Renewing(list(tokens))
    source.token = lambda: "first"
    return HubSpotConnector("hubspot", type(endpoint)(endpoint.base_url, source, endpoint.budget))


EXPIRED = Said(
    401, {"category": "EXPIRED_AUTHENTICATION", "message": "The OAuth token expired 75 second(s) ago."}
)


def test_a_token_that_is_refused_before_its_time_is_renewed_and_the_call_goes_out_once_more(stub):
    stub.will_say(EXPIRED, Said(200, {"results": []}))
    list(renewing(stub, "second").read([RecordRef("hubspot", "contacts", "1")], FIELDS))
    assert [one.headers["authorization"] for one in stub.asked] == ["Bearer first", "Bearer second"]
    assert stub.asked[0].body == stub.asked[1].body


def test_a_token_that_stays_refused_is_not_tried_a_third_time(stub):
    stub.will_say(EXPIRED)
    with pytest.raises(NotAuthorized, match="expired 75 second"):
        list(renewing(stub, "second").read([RecordRef("hubspot", "contacts", "1")], FIELDS))
    assert len(stub.asked) == 2
    with pytest.raises(NotAuthorized):
        list(renewing(stub, "first").read([RecordRef("hubspot", "contacts", "1")], FIELDS))
    assert len(stub.asked) == 3


def test_a_call_ends_when_its_time_is_up(stub):
    stub.will_say(Said(201, {"results": []}, after=60))
    started = time.monotonic()
    [outcome] = on(stub, timeout=(1.0, 0.1)).create([a_contact("ada@example.com")], FIELDS)
    assert outcome.answer_lost
    assert time.monotonic() - started < 30


def test_a_refusal_of_a_single_read_is_not_taken_for_a_deleted_record(stub):
    stub.will_say(Said(400, {"message": "Invalid input", "category": "VALIDATION_ERROR"}))
    with pytest.raises(Refusal, match="Invalid input"):
        list(on(stub).read([RecordRef("hubspot", "contacts", "7")], FIELDS))
