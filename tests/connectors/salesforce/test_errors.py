"""What Salesforce's errors mean: the code first, the status where there is none."""

from __future__ import annotations

import pytest

from connectors.salesforce.errors import (
    DeadSession,
    Refused,
    ids_in_the_way,
    item_outcome,
    to_connector_error,
)
from model.change import Postponed, RecordChange, Rejected
from model.errors import AnswerLost, NotAuthorized, RetryLater


def said(code, message="…", **more):
    return [{"errorCode": code, "message": message, **more}]


@pytest.mark.parametrize(
    ("status", "content", "kind", "wait", "stops"),
    [
        (401, said("INVALID_SESSION_ID", "Session expired or invalid"), DeadSession, None, None),
        (401, "no JSON", DeadSession, None, None),
        (403, said("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), RetryLater, 900.0, "day"),
        (403, said("REQUEST_LIMIT_EXCEEDED", "too many at once"), RetryLater, 30.0, "connection"),
        (403, said("API_DISABLED_FOR_ORG"), NotAuthorized, None, None),
        (400, said("UNABLE_TO_LOCK_ROW"), RetryLater, None, "call"),
        (400, said("QUERY_TIMEOUT"), RetryLater, None, "call"),
        (400, said("JSON_PARSER_ERROR"), Refused, None, None),
        (400, {"error": "invalid_grant", "error_description": "…"}, Refused, None, None),
        (500, said("UNKNOWN_EXCEPTION"), AnswerLost, None, "call"),
        (503, said("SERVER_UNAVAILABLE"), AnswerLost, None, "call"),
        (502, "<html>", AnswerLost, None, "call"),
        (404, said("NOT_FOUND"), RetryLater, 900.0, "call"),  # the path is wrong: no record is to blame
        (410, said("GONE"), RetryLater, 900.0, "call"),  # the API version is retired
        (302, "", RetryLater, 900.0, "call"),
    ],
)
def test_an_answer_says_what_to_do_next(status, content, kind, wait, stops):
    error = to_connector_error(status, content, writes=True)
    assert type(error) is kind
    assert (getattr(error, "wait", None), getattr(error, "stops", None)) == (wait, stops)


def test_a_read_that_failed_leaves_nothing_in_doubt():
    assert type(to_connector_error(503, said("SERVER_UNAVAILABLE"), writes=False)) is RetryLater


CHANGE = RecordChange("k", "Lead", {})


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (
            [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain", "fields": []}],
            Postponed("k", "Salesforce UNABLE_TO_LOCK_ROW: unable to obtain"),
        ),
        (
            [{"statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "X: UNABLE_TO_LOCK_ROW, y"}],
            Postponed("k", "Salesforce CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: X: UNABLE_TO_LOCK_ROW, y"),
        ),
        (
            [{"statusCode": "STRING_TOO_LONG", "message": "too large", "fields": ["City"]}],
            Rejected("k", "Salesforce STRING_TOO_LONG: too large", ("City",), "STRING_TOO_LONG"),
        ),
        (
            [
                {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "a"},
                {"statusCode": "INVALID_EMAIL_ADDRESS", "message": "b", "fields": ["Email"]},
            ],
            Rejected(
                "k",
                "Salesforce UNABLE_TO_LOCK_ROW: a; INVALID_EMAIL_ADDRESS: b",
                ("Email",),
                "INVALID_EMAIL_ADDRESS",
            ),
        ),
        (
            [
                {
                    "statusCode": "DUPLICATE_VALUE",
                    "message": "duplicate value found: Lead_Id__c duplicates value on record with id: "
                    "00Q5g0000000001",
                    "fields": [],
                }
            ],
            Rejected(
                "k",
                "Salesforce DUPLICATE_VALUE: duplicate value found: Lead_Id__c duplicates value on record "
                "with id: 00Q5g0000000001",
                ("Lead_Id__c",),
                "DUPLICATE_VALUE",
                is_taken=True,
            ),
        ),
        ([], Rejected("k", "Salesforce error: no message")),
    ],
)
def test_an_item_says_what_becomes_of_its_change(errors, expected):
    assert item_outcome(CHANGE, errors) == expected


@pytest.mark.parametrize("spelling", ["duplicateResut", "duplicateResult"])
def test_records_that_a_duplicate_rule_matched_are_read_under_both_spellings(spelling):
    records = [{"record": {"attributes": {"type": "Lead"}, "Id": "00Q5g0000000001EAA"}}, {"record": None}]
    error = {
        "statusCode": "DUPLICATES_DETECTED",
        spelling: {"matchResults": [{"matchRecords": records}, None]},
    }
    assert list(ids_in_the_way([error, {}])) == ["00Q5g0000000001EAA"]


@pytest.mark.parametrize("named", ["00Q5g0000000001", "00Q5g0000000001EAA"])
def test_the_record_that_has_the_value_is_read_from_the_sentence(named):
    message = f"duplicate value found: LeadRelay_Id__c duplicates value on record with id: {named}"
    assert list(ids_in_the_way([{"statusCode": "DUPLICATE_VALUE", "message": message}])) == [named]
