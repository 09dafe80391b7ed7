"""Which set-up counts: the environment's or the store's, and never half of each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from connectors.tokens import Credentials
from leadrelay.connected import connect
from leadrelay.connections import Known, endpoint
from leadrelay.settings import load
from mappings.playbook import Limits
from model.errors import LeadRelayError
from sync.budgets import MemoryBudget
from sync.connections import StoredConnection
from sync.vault import SealError, Vault, new_key
from tests.builders import a_crm, mapped

KEY = new_key()
STORED = StoredConnection(
    "salesforce",
    "salesforce",
    "https://acme.my.salesforce.com",
    "client_credentials",
    Vault([KEY]).seal({"client_id": "c", "client_secret": "s"}),
)
SF = "LEADRELAY_SALESFORCE"


def known(**environ: str) -> Known:
    return Known(load({"LEADRELAY_SECRET_KEY": KEY} | environ), {"salesforce": STORED})


def test_the_store_counts_where_the_environment_sets_nothing_up():
    reach = known().reach("salesforce", "salesforce")
    assert (reach.base_url, reach.origin) == ("https://acme.my.salesforce.com", "store")
    assert reach.credentials == Credentials(client_id="c", client_secret="s")


def test_the_environment_wins_with_address_and_credentials():
    own = {f"{SF}_BASE_URL": "https://other.my.salesforce.com", f"{SF}_TOKEN": "t"}
    reach = known(**own).reach("salesforce", "salesforce")
    assert (reach.base_url, reach.token, reach.origin) == (
        "https://other.my.salesforce.com", "t", "environment",
    )  # fmt: skip


def test_an_address_alone_never_gets_the_stored_credentials():
    reach = known(**{f"{SF}_BASE_URL": "https://evil.example"}).reach("salesforce", "salesforce")
    assert reach.base_url == "https://acme.my.salesforce.com"


def test_the_api_version_is_the_environments_in_both_cases():
    assert known(**{f"{SF}_API_VERSION": "67.0"}).reach("salesforce", "salesforce").api_version == "67.0"


def test_a_stored_account_of_another_kind_does_not_count():
    assert known().of_store("salesforce", "hubspot") is None


def test_without_its_key_a_stored_connection_says_so():
    with pytest.raises(SealError, match="LEADRELAY_SECRET_KEY is not set"):
        known(LEADRELAY_SECRET_KEY="").reach("salesforce", "salesforce")


def test_a_way_of_signing_in_that_a_kind_does_not_have_is_told():
    reach = known().reach("salesforce", "salesforce")
    with pytest.raises(LeadRelayError, match="hubspot cannot sign in by client_credentials"):
        endpoint("hubspot", reach, MemoryBudget(Limits()))


def test_a_pause_is_logged_with_the_connection_that_it_stops():
    own = {f"{SF}_BASE_URL": "https://other.my.salesforce.com", f"{SF}_TOKEN": "t"}
    crm = replace(a_crm("salesforce", "Lead", mapped("email", "Email")), kind="salesforce")
    one = connect(known(**own), crm)
    assert one is not None
    with capture_logs() as logs:
        one.budget.refused(30)
    [line] = logs
    assert (line["event"], line["connection"], line["seconds"]) == ("budget.paused", "salesforce", 30)
