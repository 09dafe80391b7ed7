"""The form of `leadrelay source snippet` in a page of somebody's site, with a real browser."""

from __future__ import annotations

from urllib.parse import parse_qs

from mappings.compile import load
from mappings.snippets import Wanted, snippet
from mappings.starter import write_starter
from tests.builders import NOON

SITE = "https://www.northlight.example"
DOOR = "https://leads.northlight.example"


def test_a_page_posts_the_visit_along_from_a_later_page_of_it(chromium, tmp_path):
    write_starter(tmp_path / "playbook")
    playbook = load(tmp_path / "playbook")
    form = snippet(playbook, playbook.sources["website"], Wanted(), DOOR, NOON)
    posted: list[dict[str, list[str]]] = []

    def take(route):
        posted.append(parse_qs(route.request.post_data))
        route.fulfill(status=200, content_type="text/html", body="<h1>Thank you</h1>")

    page = chromium.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    shown = f"<!doctype html><title>Demo</title>{form}"
    page.route(f"{SITE}/**", lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=shown))
    page.route(f"{DOOR}/in/website", take)
    page.goto(f"{SITE}/?utm_source=news&utm_medium=email&gclid=abc")
    page.goto(f"{SITE}/pricing")
    page.get_by_label("Email").fill("ada@analytical.example")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    page.close()
    [found] = posted
    assert found["email"] == ["ada@analytical.example"]
    assert (found["utm_source"], found["gclid"]) == (["news"], ["abc"])
    assert found["landing_page"] == [f"{SITE}/?utm_source=news&utm_medium=email&gclid=abc"]
    assert found["consent_email"] == ["yes"]
    assert "fax_number" not in found
    assert complaints == []
