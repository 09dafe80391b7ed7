"""The signatures against known vectors; A, B and C are published by HubSpot."""

from __future__ import annotations

import json

import pytest

from sandbox.hubspot.webhooks import signatures

PUBLISHED = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
OURS = "sandbox-client-secret-0001"
HERE = "https://middleware.example.com/hooks/hubspot"
CREATED = json.dumps(
    [
        {
            "eventId": 1,
            "subscriptionId": 12345,
            "portalId": 62515,
            "occurredAt": 1564113600000,
            "subscriptionType": "contact.creation",
            "attemptNumber": 0,
            "objectId": 123,
            "changeSource": "CRM",
            "changeFlag": "NEW",
            "appId": 54321,
        }
    ],
    separators=(",", ":"),
)
CHANGED = json.dumps(
    [
        {
            "eventId": 100,
            "subscriptionId": 12,
            "portalId": 62515,
            "appId": 54321,
            "occurredAt": 1795284000000,
            "subscriptionType": "contact.propertyChange",
            "attemptNumber": 0,
            "objectId": 123,
            "propertyName": "lifecyclestage",
            "propertyValue": "lead",
            "changeSource": "CRM_UI",
            "sourceId": "userId:9586504",
        }
    ],
    separators=(",", ":"),
)


@pytest.mark.parametrize(
    ("secret", "uri", "body", "timestamp", "signature"),
    [
        (
            PUBLISHED, "https://www.example.com/webhook_uri", "{'example_field':'example_value'}",
            1693657560000, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
        ),
        (OURS, HERE, CHANGED, 1795284000500, "WugAuwfuqJ3NpCCkf7S1NUjPCoIcWKdiYeGN3emR+r8="),
        (
            OURS, HERE, '[{"objectId":1,"propertyValue":"Zoë — 東京"}]', 1795284000500,
            "87JRhEGV++tX9Koec5W5seEjwVrTM3whZ6a/JVBX2pU=",
        ),
        (
            "s", f"{HERE}?src=hs%3Aapp%2Fv3&x=%28a%29", "[]", 1795284000500,
            "rrpeykN311XH6Rg8yfWq5vsXLXL3iIjwKvdol5e74f0=",
        ),
    ],
    ids=["A", "D", "E in UTF-8", "F with a query"],
)  # fmt: skip
def test_version_3(secret, uri, body, timestamp, signature):
    assert signatures.v3(secret, "POST", uri, body, timestamp) == signature


@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [
        (PUBLISHED, CREATED, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
        (OURS, CHANGED, "11ba6c829d65c40d1f01e80045419f67883e7ed7bb33e34bc8b517ecf7751a53"),
    ],
    ids=["B", "D"],
)
def test_version_1(secret, body, signature):
    assert signatures.v1(secret, body) == signature


@pytest.mark.parametrize(
    ("secret", "method", "uri", "body", "signature"),
    [
        (
            PUBLISHED, "GET", "https://www.example.com/webhook_uri", "",
            "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e",
        ),
        (OURS, "POST", HERE, CHANGED, "d231fb5459c861e2470af1fdf696bbc5a0e5a622ba37f111594dd6e67662791c"),
    ],
    ids=["C", "D"],
)  # fmt: skip
def test_version_2(secret, method, uri, body, signature):
    assert signatures.v2(secret, method, uri, body) == signature
