"""The CRMs by kind; the contract tests run every one of them against its sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.base import Connector, Endpoint, TokenSource
from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.inspector import HubSpotInspector
from connectors.hubspot.maker import HubSpotMaker
from connectors.hubspot.oauth import HubSpotFlow
from connectors.inspection import Inspector, Now
from connectors.making import Maker
from connectors.oauth import Flow
from connectors.salesforce import logins
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.inspector import SalesforceInspector
from connectors.salesforce.maker import SalesforceMaker
from connectors.salesforce.oauth import SalesforceFlow
from connectors.tokens import Credentials, FixedToken, Session, SignedIn

CONNECTORS: dict[str, Callable[[str, Endpoint], Connector]] = {
    "hubspot": HubSpotConnector,
    "salesforce": SalesforceConnector,
}

INSPECTORS: dict[str, Callable[[Endpoint], Inspector]] = {
    "hubspot": HubSpotInspector,
    "salesforce": SalesforceInspector,
}

MAKERS: dict[str, Callable[[Endpoint], Maker]] = {
    "hubspot": HubSpotMaker,
    "salesforce": SalesforceMaker,
}

# How a person connects an account in the browser.
FLOWS: dict[str, Callable[[Now], Flow]] = {
    "hubspot": HubSpotFlow,
    "salesforce": lambda _clock: SalesforceFlow(),  # its tokens do not say how long they are good
}

# How a kind can sign in beside a fixed token: method -> what signs in at an address with credentials.
SignIn = Callable[[str, Credentials], Callable[[], Session]]
SIGN_INS: dict[str, Mapping[str, SignIn]] = {
    "hubspot": {},
    "salesforce": {"client_credentials": logins.client_credentials, "jwt": logins.jwt_bearer},
}


def token_source(kind: str, base_url: str, credentials: Credentials) -> TokenSource | None:
    """Return where a connection's tokens come from; ``None`` where its kind cannot sign in that way."""
    if credentials.method == "token":
        return FixedToken(credentials.token)
    sign_in = SIGN_INS[kind].get(credentials.method)
    return None if sign_in is None else SignedIn(sign_in(base_url, credentials))
