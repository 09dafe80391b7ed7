"""HubSpot's signatures: published test vectors, our own, and everything that must not pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from model.errors import Refused
from webhooks.hubspot_signature import decoded, proof_in

PUBLISHED = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"  # HubSpot's own example secret
OURS = "sandbox-client-secret-0001"
EXAMPLE = "https://www.example.com/webhook_uri"
HOOK = "https://middleware.example.com/hooks/hubspot"
STAMP = "1795284000500"
CREATION = (
    '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    '"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    '"changeFlag":"NEW","appId":54321}]'
)
CHANGE = (
    '[{"eventId":100,"subscriptionId":12,"portalId":62515,"appId":54321,"occurredAt":1795284000000,'
    '"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":123,'
    '"propertyName":"lifecyclestage","propertyValue":"lead","changeSource":"CRM_UI",'
    '"sourceId":"userId:9586504"}]'
)

# version, secret, method, address, body, stamp, signature. The first three are published by HubSpot.
VECTORS = [
    (
        "v3", PUBLISHED, "POST", EXAMPLE, "{'example_field':'example_value'}", "1693657560000",
        "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
    ),
    (
        "v1", PUBLISHED, "POST", EXAMPLE, CREATION, "",
        "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
    ),
    (
        "v2", PUBLISHED, "GET", EXAMPLE, "", "",
        "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e",
    ),
    ("v3", OURS, "POST", HOOK, CHANGE, STAMP, "WugAuwfuqJ3NpCCkf7S1NUjPCoIcWKdiYeGN3emR+r8="),
    (
        "v1", OURS, "POST", HOOK, CHANGE, "",
        "11ba6c829d65c40d1f01e80045419f67883e7ed7bb33e34bc8b517ecf7751a53",
    ),
    (
        "v2", OURS, "POST", HOOK, CHANGE, "",
        "d231fb5459c861e2470af1fdf696bbc5a0e5a622ba37f111594dd6e67662791c",
    ),
    (
        "v3", OURS, "POST", HOOK, '[{"objectId":1,"propertyValue":"Zoë — 東京"}]', STAMP,
        "87JRhEGV++tX9Koec5W5seEjwVrTM3whZ6a/JVBX2pU=",
    ),
    (
        "v3", "s", "POST", f"{HOOK}?src=hs%3Aapp%2Fv3&x=%28a%29", "[]", STAMP,
        "rrpeykN311XH6Rg8yfWq5vsXLXL3iIjwKvdol5e74f0=",
    ),
]  # fmt: skip


def headers_of(version: str, signature: str, stamp: str) -> dict[str, str]:
    if version == "v3":
        return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": version}


def at(stamp: str) -> datetime:
    return datetime.fromtimestamp(int(stamp or "0") / 1000, tz=UTC)


@pytest.mark.parametrize(("version", "secret", "method", "uri", "body", "stamp", "signature"), VECTORS)
def test_a_known_signature_is_that_of_its_secret_and_of_no_other(
    version, secret, method, uri, body, stamp, signature
):
    headers = headers_of(version, signature, stamp)
    proof = proof_in(method, uri, headers.get, body.encode(), at(stamp))
    assert proof.version == version
    assert proof.is_by(secret)
    assert not proof.is_by(secret + "x")
    for changed in (
        proof_in(method, uri, headers.get, body.encode() + b" ", at(stamp)),
        proof_in(method, uri, headers_of(version, signature[:-1] + "A", stamp).get, body.encode(), at(stamp)),
        proof_in(method, uri, headers_of(version, "Zoë", stamp).get, body.encode(), at(stamp)),
    ):
        assert not changed.is_by(secret)


def test_the_address_is_part_of_what_versions_two_and_three_sign():
    for version, secret, method, _uri, body, stamp, signature in VECTORS:
        proof = proof_in(
            method,
            "https://evil.example/",
            headers_of(version, signature, stamp).get,
            body.encode(),
            at(stamp),
        )
        assert proof.is_by(secret) == (version == "v1")


def test_version_three_counts_where_there_are_several():
    headers = headers_of("v1", VECTORS[4][-1], "") | headers_of("v3", "wrong", STAMP)
    assert not proof_in("POST", HOOK, headers.get, CHANGE.encode(), at(STAMP)).is_by(OURS)


@pytest.mark.parametrize("off", [-301, -86_400, 301, 86_400])
def test_a_stamp_more_than_five_minutes_off_is_refused_to_either_side(off):
    headers = headers_of("v3", VECTORS[3][-1], STAMP)
    with pytest.raises(Refused) as refusal:
        proof_in("POST", HOOK, headers.get, CHANGE.encode(), at(STAMP) - timedelta(seconds=off))
    assert (refusal.value.status, refusal.value.code) == (401, "timestamp_outside_tolerance")


@pytest.mark.parametrize("off", [-299, 299])
def test_a_stamp_within_five_minutes_passes(off):
    headers = headers_of("v3", VECTORS[3][-1], STAMP)
    moment = at(STAMP) - timedelta(seconds=off)
    assert proof_in("POST", HOOK, headers.get, CHANGE.encode(), moment).is_by(OURS)


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e12", "१७९५२८४००००००", "9" * 400, "1795284000500.5"])
def test_a_stamp_that_is_none_is_refused(stamp):
    headers = headers_of("v3", VECTORS[3][-1], stamp)
    with pytest.raises(Refused) as refusal:
        proof_in("POST", HOOK, headers.get, CHANGE.encode(), at(STAMP))
    assert (refusal.value.status, refusal.value.code) == (401, "timestamp_malformed")


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-HubSpot-Signature": ""}, {"X-HubSpot-Signature": "x", "X-HubSpot-Signature-Version": "v9"}],
)
def test_without_a_signature_that_is_known_nothing_passes(headers):
    with pytest.raises(Refused) as refusal:
        proof_in("POST", HOOK, headers.get, b"[]", at(STAMP))
    assert (refusal.value.status, refusal.value.code) == (401, "signature_missing")


def test_only_the_escapes_of_the_table_are_undone():
    assert decoded("/a%3A%2f%3F%40%21%24%27%28%29%2A%2C%3B") == "/a:/?@!$'()*,;"
    assert decoded("/a%20%25%3A%26%3D%23%2B") == "/a%20%25:%26%3D%23%2B"
    assert decoded("%253A") == "%253A"
