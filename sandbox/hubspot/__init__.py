"""A HubSpot account over HTTP: contacts, owners and property definitions, as HubSpot answers them."""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from sandbox.app import build
from sandbox.clock import Clock
from sandbox.hubspot import (
    association_batches,
    association_calls,
    batches,
    consent,
    details,
    form_calls,
    group_calls,
    label_calls,
    list_calls,
    merging,
    oauth,
    owners,
    page_links,
    pipeline_calls,
    property_calls,
    search,
    singles,
)
from sandbox.hubspot.account import HubSpot
from sandbox.hubspot.apps import TOKEN
from sandbox.hubspot.errors import PORTAL_ID, ApiError
from sandbox.hubspot.webhooks import calls as webhook_calls

PARTS = (
    singles, batches, search, merging,
    association_calls, association_batches, label_calls,
    owners, property_calls, group_calls, pipeline_calls, list_calls, details,
    consent, oauth, webhook_calls, form_calls, page_links,
)  # fmt: skip
__all__ = ["PORTAL_ID", "TOKEN", "create_app"]


def create_app(clock: Clock | None = None) -> Flask:
    """Make the app of a new account."""
    account, api = HubSpot(clock or Clock()), Blueprint("hubspot", __name__)

    @api.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        """Answer in HubSpot's shape."""
        return account.refuse(error)

    for part in PARTS:
        part.add_to(api, account)
    return build(account, api)
