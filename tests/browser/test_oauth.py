"""Connecting both CRMs in a real browser: to the sandbox's own pages and back, and again when it is over."""

from __future__ import annotations

import requests

from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from sync import connections, vault
from tests.waiting import eventually

KEY = vault.new_key()


def opened(house):
    """Open the house with the two apps, and with nothing connected."""
    house.start(
        LEADRELAY_SECRET_KEY=KEY,
        LEADRELAY_HUBSPOT_TOKEN="",
        LEADRELAY_HUBSPOT_CLIENT_ID="sandbox-client-id",
        LEADRELAY_HUBSPOT_CLIENT_SECRET="sandbox-client-secret-0001",
        LEADRELAY_SALESFORCE_TOKEN="",
        LEADRELAY_SALESFORCE_BASE_URL="",
        LEADRELAY_SALESFORCE_LOGIN_URL=house.crms["salesforce"].url,
        LEADRELAY_SALESFORCE_CLIENT_ID=CLIENT_ID,
        LEADRELAY_SALESFORCE_CLIENT_SECRET=CLIENT_SECRET,
    )
    back = f"http://127.0.0.1:{house.daemon.port}/oauth/salesforce/callback"
    app = {"client_id": CLIENT_ID, "redirect_uris": [back]}
    requests.post(f"{house.crms['salesforce'].url}/__sandbox/apps", json=app, timeout=60).raise_for_status()
    return house


def tokens_of(house, name):
    sealed = house.read(lambda snapshot: connections.load(snapshot, "main"))[name].sealed
    return vault.Vault([KEY]).open(sealed)


def revoke_in_hubspot(house):
    """Do what an administrator does who removes the app."""
    url = (
        f"{house.crms['hubspot'].url}/oauth/v1/refresh-tokens/{tokens_of(house, 'hubspot')['refresh_token']}"
    )
    assert requests.delete(url, timeout=60).status_code == 204


def test_both_are_connected_by_a_person_used_renewed_and_connected_again(closed_house, person):
    house = opened(closed_house)
    person.visit(house, "/connections")
    assert person.text.count("Connect with") == 2

    person.press("Connect with HubSpot")
    person.page.get_by_role("button", name="Connect app").wait_for()
    assert "Connect leadrelay to Northlight" in person.text
    person.press("Cancel")
    person.reads("the access was not allowed")
    person.go_to("Back to hubspot")
    person.press("Connect with HubSpot")
    person.press("Connect app")
    person.reads("The account is connected.")
    assert person.page.locator("h1 .tag").inner_text() == "written"

    person.go_to("Connections")
    person.press("Connect with Salesforce")
    person.page.get_by_label("Username").wait_for()
    person.fill(Username="anna.keller@northlight.example", Password="anything")
    person.press("Log in")
    person.press("Allow")
    person.reads("The account is connected.")
    assert "code=" not in person.page.url
    assert "in the browser (OAuth)" in person.text

    house.settle_in()
    house.deliver(email="maya@brightwater.example", last_name="Okafor", form_type="demo")
    house.everywhere("maya@brightwater.example")

    before = tokens_of(house, "hubspot")["token"]
    house.clock.move_on(minutes=26)
    eventually(lambda: tokens_of(house, "hubspot")["token"] != before, "a new token ahead of the end")

    revoke_in_hubspot(house)
    house.clock.move_on(minutes=31)
    person.visit(house, "/connections")
    person.reads("reconnect needed")
    house.post(email="noah@brightwater.example", last_name="Walsh", form_type="demo")
    eventually(lambda: house.crms["salesforce"].people()[1:], "the lead where it can be written")
    assert len(house.crms["hubspot"].people()) == 1
    assert "reconnect needed: HubSpot says invalid_grant" in house.command("status")
    assert house.dead_letters() == []

    person.press("Connect HubSpot again")
    person.press("Connect app")
    person.reads("The account is connected.")
    eventually(lambda: house.crms["hubspot"].people()[1:], "the lead that had waited")

    person.page.locator("summary", has_text="Disconnect").click()
    person.press("Disconnect hubspot")
    person.reads("HubSpot has ended its tokens.")
    assert person.page.locator("h1 .tag").inner_text() == "not connected"
