"""Somebody in front of a browser, who reads pages and presses what is on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.journeys.house import House
from tests.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


@dataclass
class Person:
    """A page, and what the browser complained of on the way: errors, refused scripts and styles."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    _home: str = ""

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: object) -> None:
        text = str(getattr(message, "text", ""))
        is_refusal = any(
            f"status of {code}" in text for code in (401, 409, 429)
        )  # so a failed sign-in, or a way back with nothing, is answered
        if getattr(message, "type", "") == "error" and not is_refusal:
            self.complaints.append(text)

    def visit(self, house: House, path: str = "/") -> None:
        """Open a page of the daemon."""
        self._home = f"http://127.0.0.1:{house.daemon.port}"
        self.page.goto(self._home + path)

    def go_to(self, link: str) -> None:
        """Follow a link of the page by its words."""
        self.follow(self.page.get_by_role("link", name=link, exact=True).first)

    def follow(self, link: Locator) -> None:
        """Click something that leads to another page, and wait until that is there to be read."""
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            link.click()

    def press(self, button: str) -> None:
        """Press a button by its words."""
        self.follow(self.page.get_by_role("button", name=button, exact=True).first)

    def fill(self, **values: str) -> None:
        """Fill in fields by their labels."""
        for label, value in values.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    @property
    def heading(self) -> str:
        """What the page is called."""
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def text(self) -> str:
        """What the page says."""
        return self.page.locator("body").inner_text()

    def reads(self, words: str) -> None:
        """Wait until the page says something: pages that are alive refresh themselves."""
        eventually(lambda: words in self.text, f"{words!r} on the page")

    def finds(self, words: str) -> None:
        """Load the page again until it says something."""

        def look() -> bool:
            self.page.reload()
            return words in self.text

        eventually(look, f"{words!r} on the page")

    def outlives_a_refresh(self, button: str) -> None:
        """Wait until the page has refreshed itself; a button that was unfolded still shows."""
        self.page.wait_for_event("requestfinished")
        self.page.wait_for_timeout(300)
        shown = self.page.get_by_role("button", name=button, exact=True)
        assert shown.is_visible(), f"{button!r} was folded away: {self.text}"
