"""simple-salesforce, signing in, who one is, and what is left of the limits."""

from __future__ import annotations

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from sandbox.salesforce import ORG_ID
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from tests.sandbox.operations import operation
from tests.sandbox.salesforce.conftest import ANNA

COUNT = "SELECT COUNT() FROM Lead"


@pytest.fixture
def sign_in(session):
    """Sign in as the client can."""

    def run(**how):
        return Salesforce(version="68.0", session=session, **how)

    return run


@operation("sessions", "Salesforce(instance_url, session_id)", "a session by its id, no sign-in")
def test_session_id(client):
    assert client.query(COUNT)["totalSize"] == 0


@operation(
    "sessions", "Salesforce(username, consumer_key, privatekey)", "JWT bearer: 200, a session of that user"
)
def test_jwt(jwt_app, sign_in, key):
    client = sign_in(username=ANNA, consumer_key=CLIENT_ID, privatekey=key[0], domain="login")
    assert client.oauth2("userinfo")["preferred_username"] == ANNA
    assert client.query(COUNT)["totalSize"] == 0


@operation(
    "sessions",
    "Salesforce(username, …) of a user the app is not approved for",
    "400 invalid_grant: user hasn't approved this consumer",
)
@pytest.mark.filterwarnings("ignore:\\s*If your connected app policy")  # the client's own advice
def test_jwt_of_another(jwt_app, sign_in, key):
    ben = ANNA.replace("anna.keller", "ben.carter")
    with pytest.raises(SalesforceAuthenticationFailed, match="user hasn't approved this consumer") as refused:
        sign_in(username=ben, consumer_key=CLIENT_ID, privatekey=key[0], domain="login")
    assert refused.value.code == "invalid_grant"


@operation(
    "sessions", "Salesforce(consumer_key, consumer_secret, domain)", "client credentials on a My Domain: 200"
)
def test_client_credentials(sign_in):
    client = sign_in(consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, domain="acme.my")
    assert client.query(COUNT)["totalSize"] == 0


@operation("sessions", "Salesforce(…) with a wrong secret", "400 invalid_client")
def test_wrong_secret(sign_in):
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        sign_in(consumer_key=CLIENT_ID, consumer_secret="no", domain="acme.my")
    assert refused.value.code == "invalid_client"


@operation(
    "sessions",
    "Salesforce(username, password, security_token)",
    "SOAP login(): INVALID_OPERATION, disabled by default in an org of today",
)
def test_soap_login(sign_in):
    with pytest.raises(
        SalesforceAuthenticationFailed, match=r"login\(\) is (disabled|not available)"
    ) as refused:
        sign_in(username=ANNA, password="x", security_token="y", domain="login")
    assert refused.value.code == "INVALID_OPERATION"


@operation(
    "sessions",
    "Salesforce(username, password, consumer_key, consumer_secret)",
    "400 invalid_grant: External Client Apps know no passwords",
)
def test_password(sign_in):
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        sign_in(
            username=ANNA, password="x", consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET,
            domain="acme.my",
        )  # fmt: skip
    assert refused.value.code == "invalid_grant"


@operation(
    "sessions",
    "query after the session was revoked, signed in by itself",
    "401 INVALID_SESSION_ID, one sign-in, the query again",
)
def test_refresh(api, sign_in):
    client = sign_in(consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, domain="acme.my")
    before = client.session_id
    revoked = requests.post(f"{api.url}/services/oauth2/revoke", data={"token": before}, timeout=60)
    assert revoked.status_code == 200
    assert client.query(COUNT)["totalSize"] == 0
    assert client.session_id != before


@operation(
    "sessions",
    "query with a dead session, given by its id",
    "401 INVALID_SESSION_ID: Session expired or invalid",
)
def test_dead_session(sign_in):
    stale = sign_in(instance_url="https://acme.my.salesforce.com", session_id="00Dx!stale")
    with pytest.raises(SalesforceExpiredSession) as refused:
        stale.query(COUNT)
    assert refused.value.content == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]


@operation(
    "sessions", "query at a host of the Lightning pages", "401 INVALID_SESSION_ID: they know no API session"
)
def test_lightning_host(api, session, client, sign_in):
    host = "https://acme.lightning.force.com"
    session.mount(host, session.get_adapter("https://acme.my.salesforce.com"))
    with pytest.raises(SalesforceExpiredSession):
        sign_in(instance_url=host, session_id=client.session_id).query(COUNT)


@operation("sessions", "oauth2(userinfo)", "200: who the token is of")
def test_userinfo(client):
    told = client.oauth2("userinfo")
    assert (told["organization_id"], told["user_id"][:3]) == (ORG_ID, "005")


@operation("sessions", "is_sandbox", "200: Organization.IsSandbox")
def test_is_sandbox(client):
    assert client.is_sandbox() is True


@operation("limits", "limits", "200: Max and Remaining")
def test_limits(client):
    daily = client.limits()["DailyApiRequests"]
    assert (daily["Max"], daily["Remaining"]) == (100_000, 99_999)


@operation("limits", "api_usage", "Sforce-Limit-Info of any answer: api-usage=…/…")
def test_api_usage(client):
    for used in (1, 2):
        client.query(COUNT)
        assert client.api_usage["api-usage"] == (used, 100_000)
