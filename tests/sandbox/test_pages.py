"""The pages show any number of records, find them, and tell a record's history."""

from __future__ import annotations

import re

import requests


def page(url: str, path: str) -> str:
    response = requests.get(f"{url}{path}", timeout=60)
    assert response.status_code == 200
    return response.text


def fill(url: str, *names: str) -> None:
    requests.post(
        f"{url}/things/batch", json=[{"name": name, "colour": "blue"} for name in names], timeout=60
    )


def rows(html: str) -> list[str]:
    return re.findall(r'<td><a href="[^"]+">([^<]+)</a></td>', html)


def test_the_first_page_lists_records_and_counts(toy):
    fill(toy, "lamp", "vase")
    html = page(toy, "/")
    assert rows(html) == ["lamp", "vase"]
    assert "blue" in html


def test_paging_shows_every_record_once(toy):
    fill(toy, *(f"thing {number:03}" for number in range(120)))
    seen, path = [], "/browse/things"
    while path:
        html = page(toy, path)
        seen += rows(html)
        following = re.search(r'href="([^"]+)">Next', html)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"thing {number:03}" for number in range(120)]


def test_search_finds_all_words_in_any_field(toy):
    fill(toy, "red lamp", "green lamp", "red vase")
    assert rows(page(toy, "/browse/things?q=LAMP+red")) == ["red lamp"]
    assert rows(page(toy, "/browse/things?q=102")) == ["green lamp"]
    assert "No things match" in page(toy, "/browse/things?q=spoon")


def test_a_record_page_shows_fields_and_history_and_escapes_them(toy):
    fill(toy, "<script>alert(1)</script>")
    requests.post(
        f"{toy}/__sandbox/act/edit",
        json={"object": "things", "id": "101", "fields": {"colour": "green"}, "by": "mei@x.example"},
        timeout=60,
    )
    html = page(toy, "/browse/things/101")
    assert "<script>" not in html
    assert "mei@x.example" in html
    assert re.search(r"<del>blue</del>\s*→\s*<ins>green</ins>", html)


def test_unknown_pages_are_404(toy):
    assert requests.get(f"{toy}/browse/spoons", timeout=60).status_code == 404
    assert requests.get(f"{toy}/browse/things/999", timeout=60).status_code == 404


def test_the_look_needs_nothing_from_elsewhere(toy):
    html = page(toy, "/")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html) + re.findall(
        r"url\(", page(toy, "/__sandbox/style.css")
    )
    assert all(address.startswith(("/", "data:,")) for address in addresses)
