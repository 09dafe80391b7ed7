"""What counts as read in the runs with real processes: what an answer has told."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.agreement.crms import Account
from tests.contracts.crms import CRMS, DIALECTS
from tests.scaled.world import note_reads

LISTED = {
    "hubspot": "/crm/v3/objects/companies?properties=city",
    "salesforce": "/services/data/v68.0/query?q=SELECT+Id,BillingCity+FROM+Account",
}


@pytest.mark.parametrize("crm", CRMS)
@pytest.mark.parametrize("lost", [{"timeout_rate": 1, "timeout_s": 0}, {"cut_rate": 1}])
def test_an_answer_that_was_lost_tells_nobody_anything(crm: str, lost: dict[str, float]):
    app = VENDORS[crm](Clock())
    account = Account(crm, app)
    note_reads(app, account)
    company, city = account.names.company, account.names.company_fields["city"]
    by = "anna.keller@northlight.example"
    fields = {account.names.company_fields["name"]: "Acme", city: "Porto"}
    made = account.make(company, fields, by)
    assert made is not None
    with running(app) as url:
        asked: dict[str, Any] = {"headers": {"Authorization": f"Bearer {DIALECTS[crm].token}"}, "timeout": 5}
        account.vendor.faults.set(lost)
        with pytest.raises(requests.RequestException):
            requests.get(url + LISTED[crm], **asked).json()
        assert account.seen.count(company, made, city) == 0
        account.vendor.faults.set({})
        requests.get(url + LISTED[crm], **asked).raise_for_status()
    assert account.seen.since(company, made, city, 0) == ["Porto"]
