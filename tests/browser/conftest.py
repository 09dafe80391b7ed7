"""A headless Chromium, as the machine has it, and behind it the journeys' daemon and sandbox CRMs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.person import Person
from tests.journeys.conftest import closed_house, crms, house, hubspot, running_sandboxes, salesforce
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["closed_house", "crms", "house", "hubspot", "running_sandboxes", "salesforce"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = "LEADRELAY_TEST_CHROMIUM"
WITHOUT = f"install Chromium (Debian: apt-get install chromium), or name one in {CHROMIUM}"


@pytest.fixture(scope="module")  # no longer: while it is up, nothing else here may run an event loop
def chromium() -> Iterator[Browser]:
    """The installed Chromium; none is downloaded."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install -e '.[dev]' brings playwright")
    path = os.environ.get(CHROMIUM) or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(WITHOUT)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def store_url(tmp_path: Path, migrated_file: Path) -> str:
    """An empty store in a file: what pages read of a store is tested on both databases elsewhere."""
    path = tmp_path / "store" / "leadrelay.db"
    path.parent.mkdir()
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def person(chromium: Browser) -> Iterator[Person]:
    """Somebody at the daemon's machine, whom a sandbox run lets in."""
    yield from _at(chromium, {})


@pytest.fixture
def stranger(chromium: Browser) -> Iterator[Person]:
    """Somebody who comes through a proxy, and has to sign in."""
    yield from _at(chromium, {"X-Forwarded-For": "203.0.113.7"})


def _at(chromium: Browser, headers: dict[str, str]) -> Iterator[Person]:
    context = chromium.new_context(extra_http_headers=headers)
    context.set_default_timeout(PATIENCE * 1_000)
    one = Person(context.new_page())
    yield one
    context.close()
    assert not one.complaints, "the browser complained"
