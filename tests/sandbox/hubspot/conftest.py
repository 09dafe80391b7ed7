"""A new HubSpot account on a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hubspot import HubSpot

from sandbox.hubspot import TOKEN, create_app
from sandbox.server import running


class Account:
    """The fake account as a test talks to it: raw, by HubSpot's own client, and behind the scenes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = HubSpot(access_token=TOKEN, host=url, base_url=url, retry=False)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"

    def call(self, method: str, path: str, body: object = None, **query: Any) -> requests.Response:
        """Call the API by hand."""
        return self.session.request(method, f"{self.url}{path}", json=body, params=query, timeout=5)

    def control(self, path: str, body: object = None) -> Any:
        """Look behind the scenes, or with a body change something there."""
        address = f"{self.url}/__sandbox/{path}"
        response = (
            requests.get(address, timeout=5) if body is None else requests.post(address, json=body, timeout=5)
        )
        return response.json() if response.content else None

    def contact(self, **properties: Any) -> str:
        """Make a contact and return its id."""
        made = self.call("POST", "/crm/v3/objects/contacts", {"properties": properties})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def stored(self, contact_id: str) -> dict[str, Any]:
        """The properties the account really holds."""
        rows = self.control("records/contacts")["records"]
        return next(row["fields"] for row in rows if row["id"] == contact_id)

    def history(self, contact_id: str) -> list[dict[str, Any]]:
        """Every write to a contact."""
        writes: list[dict[str, Any]] = self.control(f"history/contacts/{contact_id}")["writes"]
        return writes


@pytest.fixture
def account() -> Iterator[Account]:
    """A new account."""
    with running(create_app()) as url:
        yield Account(url)


@pytest.fixture
def raises_status() -> Callable[..., Any]:
    """Expect an error of the vendor's client; each of its packages has its own exception class."""

    def expect(status: int, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with pytest.raises(Exception, match=f"\\({status}\\)") as caught:
            call(*arguments, **named)
        assert caught.value.status == status  # type: ignore[attr-defined]
        return caught.value

    return expect
