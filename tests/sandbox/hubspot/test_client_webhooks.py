"""hubspot-api-client, an app's webhooks: settings, subscriptions, and the signature of what arrives."""

from __future__ import annotations

import pytest
from hubspot import HubSpot
from hubspot.utils.signature import Signature
from hubspot.webhooks import SettingsChangeRequest, SubscriptionCreateRequest, SubscriptionPatchRequest

from tests.sandbox.hubspot.receiver import receiving
from tests.sandbox.operations import operation

APP, SECRET = 54321, "sandbox-client-secret-0001"


@pytest.fixture
def webhooks(account):
    """The API as an app's developer calls it."""
    return HubSpot(
        api_key="sandbox-developer-key", host=account.url, retry=False, client_side_validation=True
    ).webhooks


def configure(webhooks, target="http://127.0.0.1:1/hooks"):
    asked = SettingsChangeRequest(target_url=target, throttling={"maxConcurrentRequests": 10})
    return webhooks.settings_api.configure(APP, asked)


@operation("webhooks", "webhooks.settings_api.configure, get_all, clear", "200, 200, 204, then 404")
def test_settings(webhooks, raises_status):
    assert configure(webhooks).target_url == "http://127.0.0.1:1/hooks"
    assert webhooks.settings_api.get_all(APP).throttling.max_concurrent_requests == 10
    assert webhooks.settings_api.clear_with_http_info(APP)[1] == 204
    raises_status(404, webhooks.settings_api.get_all, APP)


@operation(
    "webhooks",
    "webhooks.subscriptions_api.create, update, get_by_id, get_all, archive",
    "201 inactive, 200 active, 200, 200, 204",
)
def test_subscriptions(webhooks):
    configure(webhooks)
    api = webhooks.subscriptions_api
    asked = SubscriptionCreateRequest(event_type="contact.propertyChange", property_name="city")
    made, status, _ = api.create_with_http_info(APP, asked)
    assert (status, made.event_type, made.property_name, made.active) == (
        201, "contact.propertyChange", "city", False,
    )  # fmt: skip
    assert api.update(made.id, APP, SubscriptionPatchRequest(active=True)).active is True
    assert api.get_by_id(made.id, APP).active is True
    assert [one.id for one in api.get_all(APP).results] == [made.id]
    assert api.archive_with_http_info(made.id, APP)[1] == 204
    assert api.get_all(APP).results == []


@operation(
    "webhooks",
    "utils.signature.Signature.is_valid of a delivery",
    "true, as v1 and as v3; false for another secret",
)
def test_signatures(account):
    with receiving() as receiver:
        account.control("webhooks", {"target_url": receiver.url, "subscriptions": ["contact.creation"]})
        account.contact(email="ada@example.com")
        account.control("webhooks/flush", {})
    [(headers, body)] = receiver.calls
    told = {"request_body": body, "http_uri": receiver.url, "http_method": "POST"}
    third = {
        "signature": headers["X-HubSpot-Signature-v3"], "signature_version": "v3",
        "timestamp": headers["X-HubSpot-Request-Timestamp"],
    }  # fmt: skip
    first = {"signature": headers["X-HubSpot-Signature"], "signature_version": "v1"}
    for version in (third, first):
        assert Signature.is_valid(client_secret=SECRET, **told, **version)
        assert not Signature.is_valid(client_secret="another", **told, **version)
