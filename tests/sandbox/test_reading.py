"""What no vendor can read is refused, and never kept: half a surrogate pair, NaN, endless nesting, "²"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import requests

from sandbox import hubspot, messaging, salesforce
from sandbox.reading import json_of, whole_number
from sandbox.server import running

UNREADABLE = (
    b'{"text":"\\ud800","properties":{"firstname":"\\ud800"},"LastName":"\\ud800","Company":"c"}',
    b'{"text":"\xed\xa0\x80","properties":{"firstname":"\xed\xa0\x80"},"LastName":"\xed\xa0\x80"}',
    b'{"text":NaN,"properties":{"firstname":NaN},"LastName":NaN,"Company":"c"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"text":1' + b"0" * 5_000 + b"}",
    b"\xff\xfe",
)
TOKENS = {"hubspot": hubspot.TOKEN, "salesforce": salesforce.TOKEN}
PATHS = {
    "hubspot": ("/crm/v3/objects/contacts", "/crm/v3/objects/contacts/merge", "/crm/v3/lists"),
    "salesforce": ("/services/data/v68.0/sobjects/Lead", "/services/data/v68.0/composite"),
    "messaging": (
        "/services/T0SANDBOX1/B0LEADS001/sandboxleadssecret000001",
        f"/workflows/{'0' * 28}a001/triggers/manual/paths/invoke"
        "?sig=sandbox-teams-leads-signature-000000000001",
    ),
}


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """All three vendors."""
    with (
        running(hubspot.create_app()) as crm,
        running(salesforce.create_app()) as org,
        running(messaging.create_app()) as service,
    ):
        yield {"hubspot": crm, "salesforce": org, "messaging": service}


@pytest.mark.parametrize(
    ("vendor", "path"), [(vendor, path) for vendor, paths in PATHS.items() for path in paths]
)
def test_what_is_no_json_is_refused_and_not_kept(addresses: dict[str, str], vendor: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {TOKENS.get(vendor)}", "Content-Type": "application/json"}
    before = _records(addresses[vendor])
    for body, place in product(UNREADABLE, (path, "/__sandbox/faults")):
        answer = requests.post(f"{addresses[vendor]}{place}", data=body, headers=headers, timeout=20)
        assert answer.status_code == 400, (place, body[:40], answer.text[:200])
    assert _records(addresses[vendor]) == before


def _records(address: str) -> object:
    return requests.get(f"{address}/__sandbox/stats", timeout=60).json()["records"]


@pytest.mark.parametrize("limit", ["²", "9" * 5_000, "-1", "1.5", "٣"])
def test_a_number_that_is_none_is_refused(addresses: dict[str, str], limit: str) -> None:
    headers = {"Authorization": f"Bearer {hubspot.TOKEN}"}
    for path in ("/crm/v3/objects/contacts", "/__sandbox/records/contacts", "/__sandbox/history"):
        answer = requests.get(
            f"{addresses['hubspot']}{path}", params={"limit": limit}, headers=headers, timeout=60
        )
        assert answer.status_code == 400, (path, answer.text[:200])


def test_a_pair_of_surrogates_is_one_sign() -> None:
    assert json_of(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert json_of(b"\xef\xbb\xbf[1]") == [1]  # a byte order mark is passed over


def test_whole_numbers_are_ascii_digits() -> None:
    assert (whole_number("007"), whole_number("²"), whole_number("1" * 19)) == (7, None, None)


@pytest.mark.parametrize(
    "move", [{"advance": 1e300}, {"advance": 4e10}, {"now": "0001-01-01T00:00:00Z"}, {"now": "9999-12-31"}]
)
def test_the_clock_stays_where_vendors_can_reckon(addresses: dict[str, str], move: dict[str, object]) -> None:
    answer = requests.post(f"{addresses['hubspot']}/__sandbox/clock", json=move, timeout=60)
    assert answer.status_code == 400, answer.text
    assert requests.get(f"{addresses['hubspot']}/__sandbox/clock", timeout=60).json()["real"]
