"""Each fault at each real vendor: what it does, in whose words, and always the same for a seed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox import hubspot, salesforce
from sandbox.server import running

HUBSPOT_BATCH = "/crm/v3/objects/contacts/batch/create"
SALESFORCE = "/services/data/v68.0"


@dataclass(frozen=True)
class Vendor:
    """One vendor with its words for the same things."""

    url: str
    token: str
    table: str
    people: str  # the path that makes one
    batch: str  # the path that makes many

    def person(self, number: int) -> dict[str, Any]:
        """One to make."""
        if self.table == "Lead":
            return {"LastName": f"L{number}", "Company": "x"}
        return {"properties": {"lastname": f"L{number}"}}

    def make(self, number: int = 0, **how: Any) -> requests.Response:
        """Make one."""
        return self.post(self.people, self.person(number), **how)

    def make_many(self, count: int) -> list[bool]:
        """Make many in one call; which of them were made."""
        if self.table == "Lead":
            rows = [{"attributes": {"type": "Lead"}, **self.person(number)} for number in range(count)]
            return [row["success"] for row in self.post(self.batch, {"records": rows}).json()]
        rows = [self.person(number) | {"objectWriteTraceId": str(number)} for number in range(count)]
        told = self.post(self.batch, {"inputs": rows}).json()
        good = {row["objectWriteTraceId"] for row in told["results"]}
        return [str(number) in good for number in range(count)]

    def found(self) -> int:
        """How many a search or a query finds."""
        if self.table == "Lead":
            told = self.get(f"{SALESFORCE}/query?q=SELECT Id FROM Lead")
            return int(told.json()["totalSize"])
        told = self.post("/crm/v3/objects/contacts/search", {"filterGroups": []})
        return int(told.json()["total"])

    def post(self, path: str, body: object, *, timeout: float = 5) -> requests.Response:
        """A call."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.post(self.url + path, json=body, headers=headers, timeout=timeout)

    def get(self, path: str) -> requests.Response:
        """A call."""
        return requests.get(self.url + path, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def fault(self, **setting: Any) -> None:
        """Set the faults."""
        told = requests.post(f"{self.url}/__sandbox/faults", json=setting, timeout=60)
        assert told.status_code == 200, told.text

    def count(self) -> int:
        """How many there are."""
        return int(requests.get(f"{self.url}/__sandbox/stats", timeout=60).json()["records"][self.table])


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Vendor]]:
    """Both vendors."""
    with running(hubspot.create_app()) as one, running(salesforce.create_app()) as other:
        leads, collection = f"{SALESFORCE}/sobjects/Lead", f"{SALESFORCE}/composite/sobjects"
        yield {
            "hubspot": Vendor(one, hubspot.TOKEN, "contacts", "/crm/v3/objects/contacts", HUBSPOT_BATCH),
            "salesforce": Vendor(other, salesforce.TOKEN, "Lead", leads, collection),
        }


@pytest.fixture(params=["hubspot", "salesforce"])
def vendor(request: pytest.FixtureRequest, servers: dict[str, Vendor]) -> Vendor:
    """Each vendor, as new."""
    chosen = servers[request.param]
    requests.post(f"{chosen.url}/__sandbox/reset", timeout=60)
    return chosen


def test_latency(vendor):
    vendor.fault(latency_ms=80)
    began = time.monotonic()
    assert vendor.make().status_code == 201
    assert time.monotonic() - began >= 0.08


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502, 503])
def test_an_error_takes_no_effect(vendor, status):
    vendor.fault(error_rate=1, error_status=status)
    assert vendor.make().status_code == status
    assert vendor.count() == 0


def test_too_many_calls_in_the_vendors_own_words(vendor):
    vendor.fault(rate_429=1)
    refused = vendor.make()
    if vendor.table == "Lead":
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    else:
        assert (refused.status_code, refused.json()["errorType"]) == (429, "RATE_LIMIT")
    assert vendor.count() == 0


def test_a_timeout_after_the_write_took_effect(vendor):
    vendor.fault(timeout_rate=1, timeout_s=0.3)
    with pytest.raises(requests.ReadTimeout):
        vendor.make(timeout=0.1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        vendor.make(1)
    assert vendor.count() == 2


def test_a_dropped_connection_before_anything_took_effect(vendor):
    vendor.fault(drop_rate=1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        vendor.make()
    assert vendor.count() == 0


def test_an_answer_that_breaks_off_half_way(vendor):
    vendor.fault(cut_rate=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        vendor.make()
    assert vendor.count() == 1, "the call took effect"
    told = requests.get(f"{vendor.url}/__sandbox/stats", timeout=60).json()
    assert told["answers"] == {"dropped": 1}
    vendor.fault()
    assert vendor.make(1).status_code == 201


def test_an_answer_without_a_body_that_breaks_off_is_not_sent(vendor):
    made = vendor.make().json()["id"]
    vendor.fault(cut_rate=1)
    headers = {"Authorization": f"Bearer {vendor.token}"}
    with pytest.raises(requests.ConnectionError, match="without response"):
        requests.delete(f"{vendor.url}{vendor.people}/{made}", headers=headers, timeout=60)
    assert vendor.count() == 0


def test_a_batch_fails_by_half_and_the_same_half_for_a_seed(vendor):
    vendor.fault(half_failed_rate=0.5, seed=3)
    first = vendor.make_many(40)
    assert 8 < sum(first) < 32
    assert vendor.count() == sum(first)
    vendor.fault(half_failed_rate=0.5, seed=3)
    assert vendor.make_many(40) == first
    vendor.fault(half_failed_rate=0.5, seed=4)
    assert vendor.make_many(40) != first


def test_a_search_sees_a_write_late(vendor):
    vendor.fault(search_lag_ms=300)
    vendor.make()
    assert (vendor.found(), vendor.count()) == (0, 1)
    time.sleep(0.35)
    assert vendor.found() == 1


def test_the_vendors_clock_is_off(vendor):
    vendor.fault(clock_skew_s=7_200)
    vendor.make()
    [row] = requests.get(f"{vendor.url}/__sandbox/records/{vendor.table}", timeout=60).json()["records"]
    stamp = row["fields"].get("createdate") or row["fields"]["CreatedDate"]
    now = requests.get(f"{vendor.url}/__sandbox/clock", timeout=60).json()["now"]
    assert stamp[:13] > now[:13]


def outcome(vendor: Vendor, number: int) -> str:
    """What becomes of a call, in one word."""
    try:
        return str(vendor.make(number).status_code)
    except requests.exceptions.ChunkedEncodingError:
        return "cut"
    except requests.ConnectionError:
        return "no answer"


def test_all_at_once_are_the_same_for_a_seed(vendor):
    rates = {"drop_rate": 0.15, "error_rate": 0.15, "rate_429": 0.1, "cut_rate": 0.15, "timeout_rate": 0.1}
    more = {"error_status": 503, "timeout_s": 0.001, "latency_ms": {"min": 0, "max": 2}}
    runs = []
    for _ in range(2):
        vendor.fault(seed=11, **rates, **more)
        runs.append([outcome(vendor, number) for number in range(40)])
    assert runs[0] == runs[1]
    assert {"201", "503", "cut", "no answer"} < set(runs[0])
