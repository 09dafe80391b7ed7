"""What HubSpot's answers mean; the bodies are those of its documentation and of recorded traffic."""

from __future__ import annotations

import pytest

from connectors.hubspot.errors import (
    Clash,
    Refused,
    existing_id,
    refused_alone,
    row_outcome,
    to_connector_error,
)
from model.change import Gone, Postponed, RecordChange, Rejected
from model.errors import AnswerLost, NotAuthorized, RetryLater

BURST = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "policyName": "TEN_SECONDLY_ROLLING",
}
DAILY = {
    "status": "error",
    "message": "You have reached your daily limit.",
    "errorType": "RATE_LIMIT",
    "policyName": "DAILY",
}
SEARCH = {
    "status": "error",
    "message": "You have reached your secondly limit.",
    "category": "RATE_LIMITS",
}
SECONDLY = {"status": "error", "message": "You have reached your limit.", "policyName": "SECONDLY"}
NOW, IN_A_MINUTE = "Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:01:00 GMT"
INVALID = {
    "status": "error",
    "message": 'Property values were not valid: [{"isValid":false,"error":"PROPERTY_DOESNT_EXIST","name":"x",'
    '"message":"Property \\"x\\" does not exist"}]',
    "errors": [{"message": "…", "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["x"]}}],
    "category": "VALIDATION_ERROR",
}
SCOPES = {
    "message": "This app hasn't been granted all required scopes to make this call.",
    "errors": [{"context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}],
    "category": "MISSING_SCOPES",
}
NOT_FOUND = {"message": "resource not found", "category": "OBJECT_NOT_FOUND"}
EXISTS = {"message": "Contact already exists. Existing ID: 12345", "category": "CONFLICT"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "wait", "stops"),
    [
        (429, {}, BURST, RetryLater, 10.0, "connection"),
        (429, {}, DAILY, RetryLater, 900.0, "day"),
        (429, {}, SEARCH, RetryLater, 1.0, "search"),
        (429, {}, {}, RetryLater, 10.0, "connection"),  # plain text "error code: 1015" is no JSON
        (429, {"Retry-After": "7"}, BURST, RetryLater, 7.0, "connection"),
        (429, {"Retry-After": "30"}, SEARCH, RetryLater, 30.0, "search"),
        (429, {"Retry-After": "60"}, DAILY, RetryLater, 60.0, "day"),
        (429, {}, SECONDLY, RetryLater, 1.0, "search"),
        (477, {"Retry-After": IN_A_MINUTE, "Date": NOW}, {}, RetryLater, 60.0, "connection"),
        (423, {}, {}, RetryLater, 2.0, "call"),
        (423, {"Retry-After": "1"}, {}, RetryLater, 2.0, "call"),
        (477, {}, {}, RetryLater, 300.0, "connection"),
        (477, {"Retry-After": "5"}, {}, RetryLater, 5.0, "connection"),
        (500, {}, {}, AnswerLost, None, "call"),
        (503, {"Retry-After": "4"}, {}, AnswerLost, 4.0, "call"),
        (524, {}, {}, AnswerLost, None, "call"),
        (401, {}, {"category": "EXPIRED_AUTHENTICATION"}, NotAuthorized, None, None),
        (403, {}, SCOPES, NotAuthorized, None, None),
        (400, {}, INVALID, Refused, None, None),
        (404, {}, NOT_FOUND, Refused, None, None),
        (404, {}, {}, RetryLater, 900.0, "call"),  # the path is wrong: no record is to blame
        (405, {}, {}, RetryLater, 900.0, "call"),
        (409, {}, EXISTS, Clash, None, None),
        (414, {}, {}, Refused, None, None),
    ],
)
def test_an_answer_says_what_to_do_next(status, headers, body, kind, wait, stops):
    error = to_connector_error(status, headers, body, writes=True)
    assert type(error) is kind
    assert (getattr(error, "wait", None), getattr(error, "stops", None)) == (wait, stops)
    assert str(status) in str(error)


def test_a_read_that_failed_leaves_nothing_in_doubt():
    assert type(to_connector_error(500, {}, {}, writes=False)) is RetryLater


def test_missing_scopes_are_named():
    error = to_connector_error(403, {}, SCOPES, writes=True)
    assert str(error).endswith("make this call. Required: crm.objects.contacts.write.")


CREATE = RecordChange("k", "contacts", {})
UPDATE = RecordChange("k", "contacts", {}, remote_id="7")


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        (
            UPDATE,
            INVALID,
            Rejected(
                "k", 'HubSpot VALIDATION_ERROR: Property "x" does not exist', ("x",), "PROPERTY_DOESNT_EXIST"
            ),
        ),
        (UPDATE, NOT_FOUND, Gone("k", "HubSpot OBJECT_NOT_FOUND: resource not found")),
        (
            CREATE,
            NOT_FOUND,
            Rejected("k", "HubSpot OBJECT_NOT_FOUND: resource not found", code="OBJECT_NOT_FOUND"),
        ),
        (UPDATE, EXISTS, Rejected("k", f"HubSpot CONFLICT: {EXISTS['message']}", ("email",), "CONFLICT")),
        (UPDATE, SEARCH, Postponed("k", f"HubSpot RATE_LIMITS: {SEARCH['message']}")),
        (UPDATE, {}, Postponed("k", "HubSpot error: no message")),  # unknown: wait, then a person sees it
    ],
)
def test_a_row_says_what_becomes_of_its_change(change, error, expected):
    assert row_outcome(change, error) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Contact already exists. Existing ID: 12345", "12345"),
        ("Cannot set PropertyValueCoordinates{…, value=x} on 9. 12 already has that value.", "12"),
        ("Contact already exists", None),
    ],
)
def test_the_record_in_the_way_is_read_from_the_sentence(message, expected):
    assert existing_id({"message": message}) == expected


@pytest.mark.parametrize(
    ("message", "fields", "is_taken"),
    [
        (
            "Cannot set PropertyValueCoordinates{portalId=1, objectTypeId=ObjectTypeId{"
            "legacyObjectType=CONTACT}, propertyName=leadrelay_id, value=ld_1} on 9. "
            "12 already has that value.",
            ("leadrelay_id",),
            True,
        ),
        ("Contact already exists. Existing ID: 12345", ("email",), False),
    ],
)
def test_a_value_that_only_one_record_may_hold_is_told_from_a_person_who_is_there(message, fields, is_taken):
    refusal = to_connector_error(400, {}, {"message": message}, writes=True)
    assert isinstance(refusal, Clash)
    outcome = refused_alone(UPDATE, refusal)
    assert isinstance(outcome, Rejected)
    assert (outcome.fields, outcome.is_taken) == (fields, is_taken)
