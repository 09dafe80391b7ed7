"""The sandbox CRMs of `leadrelay run`: connected from the start, and ready to be connected in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import requests

from connectors.tokens import Credentials
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE, Settings
from leadrelay.trying import try_account
from sync import connections
from sync.connections import StoredConnection
from sync.database import Store

TOKENS = {"hubspot": "sandbox-token", "salesforce": "00Dsandbox!sandbox-token"}
SALESFORCE_APP = "3MVG9.leadrelay.sandbox"  # client id of the sandbox's own app


def connect(settings: Settings, store: Store, ports: Mapping[str, int]) -> None:
    """Connect both CRMs by the sandbox's own tokens; a person may connect them anew in the browser.

    Raises ``LeadRelayError`` where one of them does not answer as it should.
    """
    for name, token in TOKENS.items():
        if settings.connection(name, name).is_set_up:  # the caller's own
            continue
        credentials = Credentials(token=token)
        tried = try_account(settings, name, name, f"http://127.0.0.1:{ports[name]}", credentials)
        sealed = settings.vault().seal(credentials.as_dict())
        one = StoredConnection(name, name, tried.base_url, "token", sealed, tried.account, by="leadrelay run")
        store.write(partial(connections.connect, space=SPACE, one=one, now=SystemClock().now()))


def tell_callbacks(port: int, ports: Mapping[str, int]) -> None:
    """Have the sandbox's Salesforce lead back to this daemon; its HubSpot leads back to any here."""
    back = [f"http://{host}:{port}/oauth/salesforce/callback" for host in ("127.0.0.1", "localhost")]
    body = {"client_id": SALESFORCE_APP, "redirect_uris": back}
    requests.post(f"http://127.0.0.1:{ports['salesforce']}/__sandbox/apps", json=body, timeout=5)
