"""The sandbox is fast enough to stand for an org with 100,000 leads."""

from __future__ import annotations

import time

import pytest

from sandbox.clock import Clock
from sandbox.records import Record
from sandbox.salesforce.org import Org
from sandbox.salesforce.soql.run import run


@pytest.fixture(scope="module")
def big_org():
    """An org with 100,000 leads, put in place without the API."""
    org = Org(Clock())
    kind, now = org.kind("Lead"), org.now()
    stamp = "2026-11-21T10:00:00.000+0000"
    for number in range(100_000):
        record_id = org.next_id(kind)
        values = {
            "Id": record_id, "LastName": f"L{number}", "Email": f"u{number}@example.com",
            "SystemModstamp": stamp, "LeadRelay_Id__c": f"lr-{number}", "Company": "x",
        }  # fmt: skip
        org.rows("Lead").add(Record(record_id, values, created_at=now, updated_at=now))
    return org


def best_of(times, ask):
    durations = []
    for _ in range(times):
        started = time.process_time()  # a busy machine is not a slow sandbox
        found = ask()
        durations.append(time.process_time() - started)
    return min(durations), found


def test_400_keys_are_looked_up_in_100000_leads_in_under_10_ms(big_org):
    addresses = ",".join(f"'U{number * 37}@example.com'" for number in range(200))
    keys = ",".join(f"'lr-{number * 91 + 1}'" for number in range(200))
    soql = f"SELECT Id, Email, OwnerId FROM Lead WHERE Email IN ({addresses}) OR LeadRelay_Id__c IN ({keys})"
    took, found = best_of(5, lambda: run(soql, big_org, include_deleted=False, version="v68.0"))
    assert 390 < len(found.records) <= 400
    assert took < 0.010


def test_the_last_page_of_a_poll_is_as_fast_as_the_first(big_org):
    soql = (
        "SELECT Id FROM Lead WHERE SystemModstamp > 2026-11-21T10:00:00Z "
        "OR (SystemModstamp = 2026-11-21T10:00:00Z AND Id > '000000000000000') "
        "ORDER BY SystemModstamp, Id LIMIT 2000"
    )
    took, found = best_of(3, lambda: run(soql, big_org, include_deleted=False, version="v68.0"))
    assert len(found.records) == 2_000
    assert took < 0.050


def test_a_collection_of_200_is_created_in_under_30_ms(api):
    def create():
        records = [
            {
                "attributes": {"type": "Lead"},
                "LastName": str(number),
                "Company": "x",
                "Email": f"u{number}@example.com",
            }
            for number in range(200)
        ]
        return api.post("composite/sobjects", {"records": records})

    took, answer = best_of(5, create)
    assert all(result["success"] for result in answer.json())
    assert took < 0.030
