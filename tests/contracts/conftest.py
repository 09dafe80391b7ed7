"""Every CRM of the registry on its sandbox, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from connectors.base import Connector
from connectors.registry import CONNECTORS
from model.event import RecordRef
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.connectors.endpoints import Notes, an_endpoint
from tests.contracts.crms import CRMS, DIALECTS


@dataclass(frozen=True)
class Server:
    """A sandbox as a test steers it and looks behind it."""

    crm: str
    url: str

    def reset(self) -> None:
        """Be as new, without limits on calls."""
        self._post("reset")
        self.faults()

    def faults(self, **setting: Any) -> None:
        """Let things go wrong; nothing named: nothing goes wrong."""
        self._post("faults", {"limits": dict(DIALECTS[self.crm].no_limits), **setting})

    def calls(self, what: str | None = None) -> int:
        """How many calls arrived: of one kind (``create``), or all."""
        counted = self._get("stats")["calls"]
        return sum(counted.values()) if what is None else counted.get(DIALECTS[self.crm].calls[what], 0)

    def records(self, object_name: str | None = None) -> list[dict[str, Any]]:
        """The fields of all records of the object that new people become."""
        return [
            row["fields"]
            for row in self._get(f"records/{object_name or DIALECTS[self.crm].object}")["records"]
        ]

    def record(self, ref: RecordRef) -> dict[str, Any]:
        """The fields of one record."""
        rows = self._get(f"records/{ref.object}")["records"]
        return next(row["fields"] for row in rows if row["id"] == ref.id)

    def writes(self, ref: RecordRef) -> list[str]:
        """What was done to a record, oldest first."""
        return [write["kind"] for write in self._get(f"history/{ref.object}/{ref.id}")["writes"]]

    def act(self, verb: str, object_name: str, **more: Any) -> dict[str, Any]:
        """Do what a person does in the vendor's pages."""
        return self._post(f"act/{verb}", {"object": object_name, **more})

    def _get(self, path: str) -> Any:
        return _checked(requests.get(f"{self.url}/__sandbox/{path}", timeout=60))

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _checked(requests.post(f"{self.url}/__sandbox/{path}", json=body, timeout=60))


@dataclass(frozen=True)
class House:
    """The sandboxes by CRM: ``connector, server = sandboxes[crm]``."""

    servers: Mapping[str, Server]

    def __getitem__(self, crm: str) -> tuple[Connector, Server]:
        return self.connect(crm), self.servers[crm]

    def connect(self, crm: str, *tokens: str, budget: Notes | None = None, **more: Any) -> Connector:
        """A connector of one's own: another token, budget or time limit."""
        dialect = DIALECTS[crm]
        endpoint = an_endpoint(
            self.servers[crm].url, *(tokens or (dialect.token,)), budget=budget, **{**dialect.options, **more}
        )
        return CONNECTORS[crm](crm, endpoint)


@pytest.fixture(scope="session")
def servers() -> Iterator[Mapping[str, Server]]:
    """One running sandbox for each CRM."""
    with ExitStack() as stack:
        yield {crm: Server(crm, stack.enter_context(running(VENDORS[crm](Clock())))) for crm in CRMS}


@pytest.fixture
def sandboxes(servers: Mapping[str, Server]) -> House:
    """The sandboxes, as new."""
    for server in servers.values():
        server.reset()
    return House(servers)


def _checked(response: requests.Response) -> Any:
    assert response.ok, response.text
    return response.json() if response.content else None
