"""What browsers load: whole, unchanged, with its licences, and nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import dashboard

ROOM = Path(dashboard.__file__).parent
VENDOR = ROOM / "static" / "vendor"


def test_vendored_files_are_those_that_were_taken():
    sums = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS.txt").read_text().splitlines())
    assert sums.keys() == {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    for name, wanted in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == wanted, name


def test_each_library_has_its_licence():
    for name in {path.name.split("-")[0].lower() for path in VENDOR.glob("*.js")}:
        assert (VENDOR / f"{name}.LICENSE.txt").stat().st_size > 300


def test_no_template_loads_anything_from_another_site_or_writes_code_into_a_page():
    for path in sorted((ROOM / "templates").rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)|hx-on|\|\s*safe", text), (
            path.name
        )
        for link in re.findall(r'(?:src|href)="(https?:[^"]*)"', text):
            raise AssertionError(f"{path.name} links to {link}")


def test_the_chart_and_the_refresh_are_served(desk):
    page = desk.get("/").text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        answer = desk.get(path)
        assert answer.status_code == 200, path
    assert 'hx-trigger="every 5s"' in page
