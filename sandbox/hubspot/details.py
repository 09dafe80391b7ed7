"""The endpoint that tells about the account itself; a connection is tried with it."""

from __future__ import annotations

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot.account import HubSpot
from sandbox.hubspot.errors import PORTAL_ID

BASES = ("/account-info/v3", "/account-info/2026-03", "/account-info/2026-09")


def add_to(api: Blueprint, account: HubSpot) -> None:  # noqa: ARG001 - every part is added in the same way
    """Register the endpoint under every path scheme."""

    def details() -> Response:
        return answer(
            {
                "portalId": PORTAL_ID,
                "accountType": "STANDARD",
                "timeZone": "UTC",
                "companyCurrency": "EUR",
                "additionalCurrencies": [],
                "utcOffset": "+00:00",
                "utcOffsetMilliseconds": 0,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "eu1",
            }
        )

    for base in BASES:
        api.add_url_rule(f"{base}/details", f"details {base}", details, methods=["GET"])
