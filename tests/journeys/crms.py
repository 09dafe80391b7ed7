"""The sandbox CRMs as journeys steer them and look behind them: lead fields instead of vendor names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from flask import Response, g, request

from sandbox.clock import Clock
from sandbox.people import TEAM
from sandbox.registry import VENDORS
from sandbox.server import Server

TOKENS = {"hubspot": "sandbox-token", "salesforce": "00Dsandbox!sandbox-token"}
NO_LIMITS = {"hubspot": {"per_10s": None, "search_per_s": None}, "salesforce": {}}

NAMES: Mapping[str, Mapping[str, str]] = {
    "contacts": {
        "id": "leadrelay_id",
        "email": "email",
        "first_name": "firstname",
        "last_name": "lastname",
        "phone": "phone",
        "title": "jobtitle",
        "company": "company",
        "city": "city",
        "country": "country",
        "owner": "hubspot_owner_id",
        "stage": "lifecyclestage",
        "score": "leadrelay_score",
        "lead_source": "lead_source",
        "first_source": "first_touch_source",
        "first_campaign": "first_touch_campaign",
        "first_at": "first_touch_at",
        "last_source": "last_touch_source",
        "last_campaign": "last_touch_campaign",
        "last_at": "last_touch_at",
    },
    "Lead": {
        "id": "LeadRelay_Id__c",
        "email": "Email",
        "first_name": "FirstName",
        "last_name": "LastName",
        "phone": "Phone",
        "title": "Title",
        "company": "Company",
        "city": "City",
        "country": "Country",
        "owner": "OwnerId",
        "stage": "LeadRelay_Stage__c",
        "score": "LeadRelay_Score__c",
        "lead_source": "LeadSource",
        "first_source": "First_Touch_Source__c",
        "first_campaign": "First_Touch_Campaign__c",
        "first_at": "First_Touch_At__c",
        "last_source": "Last_Touch_Source__c",
        "last_campaign": "Last_Touch_Campaign__c",
        "last_at": "Last_Touch_At__c",
    },
}
NAMES["companies"] = {  # type: ignore[index]
    "id": "leadrelay_id",
    "domain": "domain",
    "name": "name",
    "city": "city",
    "country": "country",
    "employees": "numberofemployees",
    "owner": "hubspot_owner_id",
}
NAMES["Account"] = {  # type: ignore[index]
    "id": "LeadRelay_Id__c",
    "domain": "Website",
    "name": "Name",
    "city": "BillingCity",
    "country": "BillingCountry",
    "employees": "NumberOfEmployees",
    "owner": "OwnerId",
}
NAMES["Contact"] = NAMES["Lead"] | {"city": "MailingCity", "country": "MailingCountry"}  # type: ignore[index]


@dataclass(frozen=True)
class Sent:
    """One call as it arrived, by its number in the sandbox's history."""

    id: int
    method: str
    path: str
    body: Any
    status: int


@dataclass(frozen=True)
class Crm:
    """One sandbox."""

    name: str
    url: str
    owners: Mapping[str, str]  # owner or user id -> e-mail
    sent: list[Sent] = field(default_factory=list)  # every call since the last reset

    @property
    def object(self) -> str:
        """What a new person becomes here."""
        return "contacts" if self.name == "hubspot" else "Lead"

    @property
    def company_object(self) -> str:
        """What companies are here."""
        return "companies" if self.name == "hubspot" else "Account"

    def companies(self) -> list[dict[str, Any]]:
        """All companies under account fields: ``{"domain", "name", "city", "id", "owner", "record"}``."""
        names = NAMES[self.company_object]
        return [
            {name: row.get(remote) for name, remote in names.items()} | {"record": row["record"]}
            for row in self.records(self.company_object)
        ]

    def reset(self) -> None:
        """Be as new, without limits on calls."""
        self._post("reset")
        self.faults()
        self.sent.clear()

    def faults(self, **setting: Any) -> None:
        """Let things go wrong; nothing named: nothing goes wrong, and nothing is limited."""
        self._post("faults", {"limits": NO_LIMITS[self.name], **setting})

    def calls(self) -> dict[str, int]:
        """How many calls arrived, by template."""
        found: dict[str, int] = self._get("stats")["calls"]
        return found

    def writes_asked(self) -> int:
        """How many calls asked for a write, whatever came of them."""
        reads = (
            "/access-token-info",
            "/search",
            "/batch/read",
            "/composite",
            "/composite/sobjects/Lead",
            "/composite/sobjects/Contact",
        )
        return sum(
            count
            for call, count in self.calls().items()
            if not call.startswith("GET ") and not call.endswith(reads)
        )

    def records(self, object_name: str = "") -> list[dict[str, Any]]:
        """All records of an object, each with the vendor's fields and its ``record`` id."""
        rows = self._get(f"records/{object_name or self.object}")["records"]
        return [row["fields"] | {"record": row["id"]} for row in rows]

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks there are, each with the vendor's fields and its ``record`` id."""
        return self.records("tasks" if self.name == "hubspot" else "Task")

    def made(self) -> list[str]:
        """The ids of the people and companies that calls and acts have made, oldest first."""
        tasks = ("tasks", "Task")
        return [w["id"] for w in self.history() if w["kind"] == "create" and w["object"] not in tasks]

    def people(self, object_name: str = "") -> list[dict[str, Any]]:
        """All records under lead fields: ``{"email", "owner", …, "record"}``; the owner by e-mail."""
        names = NAMES[object_name or self.object]
        found = []
        for record in self.records(object_name):
            person = {name: record.get(remote) for name, remote in names.items()}
            owner = str(person["owner"])
            found.append(person | {"owner": self.owners.get(owner, owner), "record": record["record"]})
        return found

    def person(self, email: str, object_name: str = "") -> dict[str, Any]:
        """The one record that holds this address; two of them, or none, fail the test."""
        found = [one for one in self.people(object_name) if str(one["email"]).casefold() == email.casefold()]
        assert len(found) == 1, f"{self.name} holds {email} {len(found)} times"
        return found[0]

    def act(
        self, verb: str, object_name: str = "", *, record: str = "", other: str = "", **fields: Any
    ) -> str:
        """Do what a person does in the vendor's pages, under lead fields; returns the record's id.

        ``other`` is the one that is merged into ``record``.
        """
        object_name = object_name or self.object
        ids = {email: owner for owner, email in self.owners.items()}
        values = {NAMES[object_name].get(name, name): ids.get(value, value) for name, value in fields.items()}
        named = {"id": record, "other": other}
        body = {"object": object_name, "fields": values, **{key: one for key, one in named.items() if one}}
        answer = self._post(f"act/{verb}", body)
        return str(answer["id"]) if answer else ""

    def history(self) -> list[dict[str, Any]]:
        """Every write to every record, oldest first."""
        found: list[dict[str, Any]] = self._get("history")["writes"]
        return found

    def _get(self, path: str) -> Any:
        return _checked(requests.get(f"{self.url}/__sandbox/{path}", timeout=30))

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _checked(requests.post(f"{self.url}/__sandbox/{path}", json=body, timeout=30))


def _checked(response: requests.Response) -> Any:
    assert response.ok, response.text
    return response.json() if response.content else None


@contextmanager
def running_crm(name: str, port: int = 0) -> Iterator[Crm]:
    """Run one vendor of the sandbox, on a free port unless one is named."""
    app = VENDORS[name](Clock())
    sent: list[Sent] = []
    app.after_request(_recorder(sent))
    server = Server(app, port=port).start()
    try:
        yield Crm(name, server.url, _owners(name, server.url), sent)
    finally:
        server.stop()


@contextmanager
def running_crms() -> Iterator[dict[str, Crm]]:
    """Run every CRM."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(running_crm(name)) for name in TOKENS}


def _recorder(sent: list[Sent]) -> Any:
    def record(response: Response) -> Response:
        call = g.get("sandbox_call")
        if call is not None and not request.path.startswith("/__sandbox"):
            body = request.get_json(silent=True)
            sent.append(Sent(call.id, request.method, request.path, body, response.status_code))
        return response

    return record


def _owners(name: str, url: str) -> dict[str, str]:
    """Ask a vendor for its people; a reset brings back the same ids."""
    headers = {"Authorization": f"Bearer {TOKENS[name]}"}
    if name == "hubspot":
        rows = requests.get(f"{url}/crm/v3/owners", headers=headers, timeout=60).json()["results"]
        return {row["id"]: row["email"] for row in rows}
    soql = {"q": "SELECT Id, Email FROM User"}
    rows = requests.get(f"{url}/services/data/v68.0/query", soql, headers=headers, timeout=60).json()
    team = {person.email for person in TEAM}
    return {row["Id"]: row["Email"] for row in rows["records"] if row["Email"] in team}
