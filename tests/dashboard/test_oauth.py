"""The way to a vendor's page and back: who may go, what comes back, and what is written down of it."""

from __future__ import annotations

import re

import pytest
from structlog.testing import capture_logs

from dashboard.grants import NotConnected, Standing
from model.errors import LeadRelayError
from tests.builders import NOON
from tests.dashboard.house import HOSTILE, words

AT = "/connections/hubspot"
BACK = "/oauth/hubspot/callback?code=the-code&state=the-state"


@pytest.fixture
def public(desk):
    """Pages that are reached under a public address."""
    desk.daemon.public_url = "https://leads.example"
    return desk


def start(desk, **given):
    key = re.search(r'name="csrf" value="(\w+)"', desk.get(AT).text)
    headers = given.pop("headers", {})
    return desk.client.post("/oauth/hubspot/start", data={"csrf": key[1], **given}, headers=headers)


def test_connect_leads_to_the_vendors_page_by_a_page_of_ours(desk):
    page = start(desk)
    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=https://app.hubspot.com/oauth/authorize?' in page.text
    assert "On the way to HubSpot" in page.text
    [begun] = desk.grants.begun
    assert (begun.name, begun.home, begun.by) == ("hubspot", "http://localhost", "(sandbox)")
    assert begun.session in desk.client.get_cookie("leadrelay").value


def test_the_vendor_leads_back_to_the_public_address(public):
    assert start(public, headers={"Origin": "https://leads.example"}).status_code == 200
    assert public.grants.begun[0].home == "https://leads.example"


def test_who_looks_by_another_address_is_told_where_to_begin(public):
    answer = start(public, headers={"Origin": "http://localhost"})
    assert answer.status_code == 409
    assert "The vendor leads back to https://leads.example" in words(answer.text)
    assert public.grants.begun == []


def test_without_a_public_address_only_this_machine_is_led_back_to(closed):
    closed.sign_in()
    answer = start(closed, headers={"X-Forwarded-For": "203.0.113.7"})
    assert (answer.status_code, closed.grants.begun) == (409, [])
    assert "LEADRELAY_PUBLIC_URL is not set" in words(answer.text)


def test_nobody_starts_without_the_key_of_the_session_or_by_a_link(desk):
    assert desk.client.post("/oauth/hubspot/start").status_code == 403
    assert desk.get("/oauth/hubspot/start").status_code == 405
    assert desk.grants.begun == []


@pytest.mark.parametrize("path", ["/oauth/hubspot/start", "/connections/hubspot/disconnect"])
def test_nobody_acts_who_has_not_signed_in(closed, path):
    key = re.search(r'name="csrf" value="(\w+)"', closed.get("/sign-in").text)
    answer = closed.client.post(path, data={"csrf": key[1]})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")
    assert (closed.grants.begun, closed.grants.gone) == ([], [])


def test_what_cannot_begin_is_told_on_the_page(desk):
    desk.grants.refusal = LeadRelayError("LEADRELAY_SECRET_KEY is not set")
    answer = start(desk)
    assert answer.status_code == 409
    assert "LEADRELAY_SECRET_KEY is not set." in words(answer.text)


def test_who_comes_back_is_shown_the_connection_and_the_code_is_in_no_address_and_no_log(desk):
    with capture_logs() as lines:
        answer = desk.get(BACK)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{AT}?said=connected")
    [(kind, session, given)] = desk.grants.came
    assert (kind, given) == ("hubspot", {"code": "the-code", "state": "the-state"})
    assert session == desk.client.get_cookie("leadrelay").value
    assert "The account is connected." in words(desk.get(answer.headers["Location"]).text)
    assert not [line for line in lines if "the-code" in str(line) or "the-state" in str(line)]
    assert lines[-1]["event"] == "oauth.connected"


def test_who_comes_back_after_the_session_has_ended_signs_in_and_takes_no_code_along(closed):
    answer = closed.get(BACK)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert closed.grants.came == []


def test_what_came_to_nothing_is_a_page_with_what_to_do(desk):
    desk.grants.refusal = NotConnected(f"HubSpot says: {HOSTILE}.", "Press Connect again.", "hubspot")
    with capture_logs() as lines:
        answer = desk.get(BACK)
    assert answer.status_code == 409
    assert "hubspot was not connected" in answer.text
    assert "Press Connect again." in answer.text
    assert f'href="{AT}"' in answer.text
    assert "<script>alert" not in answer.text
    assert not [line for line in lines if "the-code" in str(line)]


def test_a_kind_that_is_none_is_nowhere(desk):
    assert desk.get("/oauth/pipedrive/callback?code=c&state=s").status_code == 404
    assert desk.grants.came == []


def test_a_connection_in_the_store_can_be_disconnected_and_one_of_the_environment_not(desk):
    assert "Disconnect hubspot" not in desk.get(AT).text
    desk.grants.standing = Standing(
        "HubSpot", may_begin=True, is_kept=True, method="oauth", account="62515", by=HOSTILE, at=NOON
    )
    page = desk.get(AT)
    assert "Connected in the browser (OAuth) to account 62515" in words(page.text)
    assert "<script>alert" not in page.text
    answer = desk.send("/connections/hubspot/disconnect", AT)
    assert (answer.status_code, desk.grants.gone) == (200, [("hubspot", "(sandbox)")])
    assert "hubspot is disconnected." in words(answer.text)


def test_a_connection_that_is_to_be_connected_anew_says_so_everywhere(desk):
    del desk.facts["connections"]["hubspot"]
    desk.facts["unusable"]["hubspot"] = "reconnect needed: HubSpot says invalid_grant"
    desk.grants.standing = Standing(
        "HubSpot", may_begin=True, is_kept=True, method="oauth", reconnect="HubSpot says invalid_grant"
    )
    for path in ("/connections", AT):
        page = desk.get(path)
        assert "reconnect needed" in page.text
        assert re.search(r"HubSpot says invalid_grant ?\. Nothing is lost", words(page.text))
        assert "Connect HubSpot again" in page.text
    assert "hubspot cannot be used: reconnect needed" in words(desk.get("/").text)


def test_where_no_app_is_set_the_page_says_what_is_missing(desk):
    del desk.facts["connections"]["hubspot"]
    desk.grants.standing = Standing("HubSpot", lacks="LEADRELAY_HUBSPOT_CLIENT_ID is not set")
    for path in ("/connections", AT):
        page = words(desk.get(path).text)
        assert "LEADRELAY_HUBSPOT_CLIENT_ID is not set." in page
        assert "Connect with HubSpot" not in page


def test_salesforce_asks_where_to_sign_in_on_the_connections_own_page(desk):
    hosts = (("login", "Production"), ("own", "My Domain"))
    desk.grants.standing = Standing("Salesforce", may_begin=True, hosts=hosts)
    del desk.facts["connections"]["salesforce"]
    assert 'href="/connections/salesforce#sign-in"' in desk.get("/connections").text
    page = desk.get("/connections/salesforce").text
    assert '<option value="own">My Domain</option>' in page
    live = page[page.index('id="live"') : page.index('id="sign-in"')]
    assert 'name="domain"' not in live, "what is typed would be lost when the page refreshes itself"
