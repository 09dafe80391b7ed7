"""A new HubSpot account on a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import pytest
import requests
from hubspot import HubSpot

from sandbox.hubspot import TOKEN, create_app
from sandbox.server import running

HUBSPOT_TYPE = {"associationCategory": "HUBSPOT_DEFINED"}


class Account:
    """The fake account as a test talks to it: raw, by HubSpot's own client, and behind the scenes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"

    @cached_property
    def client(self) -> HubSpot:
        """HubSpot's own client."""
        return HubSpot(access_token=TOKEN, host=self.url, base_url=self.url, retry=False)

    @cached_property
    def strict(self) -> HubSpot:
        """The same client, which refuses an answer that lacks what its models require."""
        return HubSpot(
            access_token=TOKEN, host=self.url, base_url=self.url, retry=False, client_side_validation=True
        )

    def call(self, method: str, path: str, body: object = None, **query: Any) -> requests.Response:
        """Call the API by hand."""
        return self.session.request(method, f"{self.url}{path}", json=body, params=query, timeout=60)

    def control(self, path: str, body: object = None) -> Any:
        """Look behind the scenes, or with a body change something there."""
        address = f"{self.url}/__sandbox/{path}"
        response = self.session.request("GET" if body is None else "POST", address, json=body, timeout=60)
        return response.json() if response.content else None

    def make(self, kind: str, *links: tuple[str, int], **properties: Any) -> str:
        """Make a record and return its id; ``links`` are ids with HubSpot's association types."""
        to = [
            {"to": {"id": other}, "types": [HUBSPOT_TYPE | {"associationTypeId": type_id}]}
            for other, type_id in links
        ]
        body = {"properties": properties} | ({"associations": to} if to else {})
        made = self.call("POST", f"/crm/v3/objects/{kind}", body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def contact(self, **properties: Any) -> str:
        """Make a contact and return its id."""
        return self.make("contacts", **properties)

    def read(self, kind: str, record_id: str, *names: str, **query: Any) -> dict[str, Any]:
        """A record's properties as the API answers them."""
        told = self.call("GET", f"/crm/v3/objects/{kind}/{record_id}", properties=",".join(names), **query)
        assert told.status_code == 200, told.text
        properties: dict[str, Any] = told.json()["properties"]
        return properties

    def act(self, verb: str, kind: str, record_id: str = "", **body: Any) -> requests.Response:
        """Do what a person does in HubSpot's pages."""
        address = f"{self.url}/__sandbox/act/{verb}"
        return self.session.post(address, json={"object": kind, "id": record_id, **body}, timeout=60)

    def stored(self, contact_id: str, kind: str = "contacts") -> dict[str, Any]:
        """The properties the account really holds."""
        rows = self.control(f"records/{kind}")["records"]
        return next(row["fields"] for row in rows if row["id"] == contact_id)

    def history(self, contact_id: str, kind: str = "contacts") -> list[dict[str, Any]]:
        """Every write to a record."""
        writes: list[dict[str, Any]] = self.control(f"history/{kind}/{contact_id}")["writes"]
        return writes


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """One server for all tests; building an app with so many endpoints takes a while."""
    with running(create_app()) as url:
        yield url


@pytest.fixture
def account(server: str) -> Account:
    """A new account."""
    fresh = Account(server)
    fresh.control("reset", {})
    return fresh


@pytest.fixture
def raises_status() -> Callable[..., Any]:
    """Expect an error of the vendor's client; each of its packages has its own exception class."""

    def expect(status: int, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with pytest.raises(Exception, match=f"\\({status}\\)") as caught:
            call(*arguments, **named)
        assert caught.value.status == status  # type: ignore[attr-defined]
        return caught.value

    return expect
