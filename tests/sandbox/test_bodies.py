"""Bodies and addresses as clients send them, at both vendors: chunked, packed, in pieces, with a slash."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox import hubspot, salesforce
from sandbox.server import running

HUBSPOT, SALESFORCE = "hubspot", "salesforce"
BOTH = (HUBSPOT, SALESFORCE)


@dataclass(frozen=True)
class Vendor:
    """One vendor, and where it makes and lists people."""

    url: str
    token: str
    people: str  # path that makes one

    def body(self, name: str) -> bytes:
        """A person of that last name."""
        told = (
            {"properties": {"lastname": name}} if "crm" in self.people else {"LastName": name, "Company": "x"}
        )
        return json.dumps(told).encode()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """A call with just these headers."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        return requests.request(method, self.url + path, data=body, headers=headers, timeout=60)  # type: ignore[arg-type]

    def control(self, path: str, body: object = None) -> Any:
        """A control call."""
        method = "GET" if body is None else "POST"
        return requests.request(method, f"{self.url}/__sandbox/{path}", json=body, timeout=60).json()

    def names(self) -> list[str]:
        """The last names of all people that were made."""
        table, field = ("contacts", "lastname") if "crm" in self.people else ("Lead", "LastName")
        return [row["fields"][field] for row in self.control(f"records/{table}")["records"]]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Vendor]]:
    """Both vendors."""
    with running(hubspot.create_app()) as one, running(salesforce.create_app()) as other:
        yield {
            HUBSPOT: Vendor(one, hubspot.TOKEN, "/crm/v3/objects/contacts"),
            SALESFORCE: Vendor(other, salesforce.TOKEN, "/services/data/v68.0/sobjects/Lead"),
        }


@pytest.fixture(params=BOTH)
def vendor(request: pytest.FixtureRequest, servers: dict[str, Vendor]) -> Vendor:
    """Each vendor, as new."""
    chosen = servers[request.param]
    requests.post(f"{chosen.url}/__sandbox/reset", timeout=60)
    return chosen


@pytest.fixture
def org(servers: dict[str, Vendor]) -> Vendor:
    """Salesforce, as new."""
    requests.post(f"{servers[SALESFORCE].url}/__sandbox/reset", timeout=60)
    return servers[SALESFORCE]


@pytest.fixture
def account(servers: dict[str, Vendor]) -> Vendor:
    """HubSpot, as new."""
    requests.post(f"{servers[HUBSPOT].url}/__sandbox/reset", timeout=60)
    return servers[HUBSPOT]


def test_a_chunked_body(vendor):
    body = vendor.body("Łukasik")
    made = vendor.call("POST", vendor.people, iter([body[:10], body[10:11], body[11:]]))
    assert made.status_code == 201
    assert made.request.headers["Transfer-Encoding"] == "chunked"
    assert vendor.names() == ["Łukasik"]


def test_a_slash_at_the_end(vendor):
    assert vendor.call("POST", f"{vendor.people}/", vendor.body("a")).status_code == 201
    [record] = vendor.control("records/" + ("contacts" if "crm" in vendor.people else "Lead"))["records"]
    assert vendor.call("GET", f"{vendor.people}/{record['id']}/").status_code == 200


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_call_in_small_packets_is_answered_without_a_stall(vendor, size):
    body = vendor.body("Ada")
    head = (
        f"POST {vendor.people} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {vendor.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sent = head.encode() + body
    host, _, port = vendor.url.removeprefix("http://").partition(":")
    took = []
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(5):
            began = time.monotonic()
            for start in range(0, len(sent), size):
                connection.sendall(sent[start : start + size])
            assert connection.recv(65536).startswith(b"HTTP/1.1 201")
            took.append(time.monotonic() - began)
    assert sorted(took)[2] < 0.035, "a delayed acknowledgement costs 40 ms"


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_salesforce_takes_packed_bodies(org, encoding, pack):
    made = org.call("POST", org.people, pack(org.body("Grace")), **{"Content-Encoding": encoding})
    assert made.status_code == 201
    assert org.names() == ["Grace"]


def test_salesforce_takes_packed_and_chunked_at_once(org):
    body = gzip.compress(org.body("Grace"))
    assert (
        org.call("POST", org.people, iter([body[:5], body[5:]]), **{"Content-Encoding": "gzip"}).status_code
        == 201
    )


def test_salesforce_takes_a_packed_upload_of_a_bulk_job(org):
    job = {"object": "Lead", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}
    jobs = "/services/data/v68.0/jobs/ingest"
    made = org.call("POST", jobs, json.dumps(job)).json()
    rows = "LastName,Company\n" + "".join(f"L{number},x\n" for number in range(500))
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    sent = org.call("PUT", f"{jobs}/{made['id']}/batches", gzip.compress(rows.encode()), **headers)
    assert sent.status_code == 201
    org.call("PATCH", f"{jobs}/{made['id']}", json.dumps({"state": "UploadComplete"}))
    assert org.call("GET", f"{jobs}/{made['id']}").json()["numberRecordsProcessed"] == 500
    assert len(org.names()) == 500


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b'{"LastName": "x", "Company": "x"}')[:-9]],
    ids=["no gzip", "cut off"],  # the packed bytes hold the time
)
def test_a_broken_packed_body_is_refused_as_no_json(org, body):
    refused = org.call("POST", org.people, body, **{"Content-Encoding": "gzip"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_hubspot_takes_no_packed_body(account):
    refused = account.call(
        "POST", account.people, gzip.compress(account.body("x")), **{"Content-Encoding": "gzip"}
    )
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


def listing(vendor: Vendor) -> str:
    """A path with an answer of some kilobytes."""
    for number in range(20):
        assert vendor.call("POST", vendor.people, vendor.body(f"Lovelace {number}")).status_code == 201
    if "crm" in vendor.people:
        return f"{vendor.people}?limit=20"
    return "/services/data/v68.0/query?q=SELECT+Id,LastName,Company+FROM+Lead"


def test_answers_are_packed_where_the_client_asks(vendor):
    path = listing(vendor)
    plain = vendor.call("GET", path, **{"Accept-Encoding": "identity"})
    packed = vendor.call("GET", path, **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 3
    assert packed.json() == plain.json()


@pytest.mark.parametrize("asked", ["gzip;q=0", "br", ""])
def test_answers_are_plain_where_the_client_wants_no_gzip(vendor, asked):
    assert "Content-Encoding" not in vendor.call("GET", listing(vendor), **{"Accept-Encoding": asked}).headers


def test_only_salesforce_answers_in_deflate(org, account):
    asked = {"Accept-Encoding": "deflate"}
    assert org.call("GET", listing(org), **asked).headers["Content-Encoding"] == "deflate"
    assert "Content-Encoding" not in account.call("GET", listing(account), **asked).headers


def test_short_answers_are_sent_as_they_are(vendor):
    made = vendor.call("POST", vendor.people, vendor.body("a"), **{"Accept-Encoding": "gzip"})
    assert ("Content-Encoding" in made.headers) == (len(made.content) >= 1_024)


@pytest.mark.parametrize(
    "query",
    [
        "properties=firstname,email",
        "properties=firstname&properties=email",
        "properties=firstname,&properties=email",
    ],
)
def test_hubspot_takes_names_repeated_or_joined(account, query):
    body = json.dumps({"properties": {"firstname": "Ada", "lastname": "King", "email": "ada@example.com"}})
    made = account.call("POST", account.people, body).json()
    told = account.call("GET", f"{account.people}/{made['id']}?{query}").json()["properties"]
    assert told.keys() == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate"}


@pytest.mark.parametrize(
    "query", ["associations=companies,deals", "associations=companies&associations=deals"]
)
def test_hubspot_takes_associations_repeated_or_joined(account, query):
    made = account.call("POST", account.people, account.body("x")).json()["id"]
    ids = {}
    for kind, properties in (
        ("companies", {"name": "Engines"}),
        ("deals", {"dealname": "x", "dealstage": "closedwon"}),
    ):
        ids[kind] = account.call(
            "POST", f"/crm/v3/objects/{kind}", json.dumps({"properties": properties})
        ).json()["id"]
        path = f"/crm/v4/objects/contacts/{made}/associations/default/{kind}/{ids[kind]}"
        assert account.call("PUT", path).status_code == 200
    told = account.call("GET", f"{account.people}/{made}?{query}").json()["associations"]
    assert {kind: told[kind]["results"][0]["id"] for kind in told} == ids


@pytest.mark.parametrize("query", ["fields=LastName,Company", "fields=LastName%2CCompany"])
def test_salesforce_takes_joined_fields(org, query):
    made = org.call("POST", org.people, org.body("King")).json()["id"]
    told = org.call("GET", f"{org.people}/{made}?{query}").json()
    assert (told["LastName"], told["Company"], "Email" in told) == ("King", "x", False)


def test_salesforce_counts_a_repeated_key_once(org):
    made = org.call("POST", org.people, org.body("King")).json()["id"]
    told = org.call("GET", f"{org.people}/{made}?fields=LastName&fields=Company").json()
    assert {"LastName", "Company"} & told.keys() == {"Company"}
