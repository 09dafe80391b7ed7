"""The CRMs by kind; the contract tests run every one of them against its sandbox."""

from __future__ import annotations

from collections.abc import Callable

from connectors.base import Connector, Endpoint
from connectors.hubspot.connector import HubSpotConnector
from connectors.salesforce.connector import SalesforceConnector

CONNECTORS: dict[str, Callable[[str, Endpoint], Connector]] = {
    "hubspot": HubSpotConnector,
    "salesforce": SalesforceConnector,
}
