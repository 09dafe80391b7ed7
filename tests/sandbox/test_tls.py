"""Over TLS the vendors answer as they do without, to their own clients unmodified."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import urllib3
from hubspot import HubSpot
from hubspot.crm.contacts import SimplePublicObjectInputForCreate
from simple_salesforce import Salesforce, SalesforceResourceNotFound

from sandbox import hubspot, salesforce
from sandbox.certificates import Certificate, certificate_in
from sandbox.server import Server
from tests.sandbox.toy import toy_app

MY_DOMAIN = "northlight.my.salesforce.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that also names the org's own domain."""
    return certificate_in(tmp_path_factory.mktemp("tls"), [MY_DOMAIN])


@pytest.fixture
def served(certificate: Certificate) -> Iterator[object]:
    """Serve apps over TLS until the test is over."""
    running: list[Server] = []

    def serve(app) -> Server:
        running.append(Server(app, tls=certificate.context()).start())
        return running[-1]

    yield serve
    for server in running:
        server.stop()


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch, certificate: Certificate) -> None:
    """Let requests trust the authority, as a person does."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.ca_file))


def at(server: Server) -> str:
    """``localhost:12345``, where a server speaks TLS."""
    return "localhost:" + server.tls_url.rpartition(":")[2]


def test_both_ports_are_the_same_account(served, trust):
    server = served(toy_app())
    assert server.tls_url.startswith("https://127.0.0.1:")
    made = requests.post(f"https://{at(server)}/things", json={"name": "lamp"}, timeout=60)
    assert requests.get(f"{server.url}/things/{made.json()['id']}", timeout=60).json() == {"name": "lamp"}


def test_who_does_not_trust_the_authority_is_not_answered(served):
    server = served(toy_app())
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"https://{at(server)}/things/1", timeout=60)
    assert requests.get(f"{server.url}/__sandbox/stats", timeout=60).json()["calls"] == {}


def test_plain_http_at_the_tls_port_ends_at_once_and_harms_nobody(served, trust):
    server = served(toy_app())
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{at(server)}/things/1", timeout=60)
    assert requests.get(f"https://{at(server)}/things/1", timeout=60).status_code == 404


def test_bodies_of_some_megabytes_pass_both_ways_in_time(served, trust):
    server = served(toy_app())
    text = "ä0" * 2_000_000
    began = time.monotonic()
    made = requests.post(f"https://{at(server)}/things", json={"name": text}, timeout=20)
    thing = f"https://{at(server)}/things/{made.json()['id']}"
    assert requests.get(thing, headers={"Accept-Encoding": "identity"}, timeout=20).json()["name"] == text
    assert time.monotonic() - began < 5


def test_a_client_that_reads_slowly_gets_all(served, trust):
    server = served(toy_app())
    made = requests.post(f"{server.url}/things", json={"name": "x" * 6_000_000}, timeout=20).json()["id"]
    how = {"headers": {"Accept-Encoding": "identity"}, "stream": True, "timeout": 20}
    with requests.get(f"https://{at(server)}/things/{made}", **how) as answer:  # type: ignore[arg-type]
        time.sleep(0.2)
        got = sum(len(part) for part in answer.iter_content(300_000) if time.sleep(0.005) is None)
    assert got == 6_000_000 + len('{"name":""}')


def test_many_clients_at_once_are_not_mixed_up(served, trust):
    server, texts = served(toy_app()), [str(number) * 60_000 for number in range(8)]

    def call(text: str) -> bool:
        session = requests.Session()
        for _ in range(6):
            made = session.post(f"https://{at(server)}/things", json={"name": text}, timeout=20).json()["id"]
            if session.get(f"https://{at(server)}/things/{made}", timeout=20).json() != {"name": text}:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(call, texts))


def test_a_call_in_many_small_packets_is_not_held_up(served, certificate):
    """Each of the 40 ms that a delayed acknowledgement costs would show."""
    port = int(served(toy_app()).tls_url.rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(certificate.ca_file))
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        took = []
        for _ in range(10):
            began = time.monotonic()
            for part in (b"POST /things HTTP/1.1\r\nHost: x\r\n", b"Content-Type: application/json\r\n",
                         b"Content-Length: 2\r\n\r\n", b"{", b"}"):  # fmt: skip
                secure.sendall(part)
            assert secure.recv(65536).startswith(b"HTTP/1.1 201")
            took.append(time.monotonic() - began)
    assert sorted(took)[5] < 0.02


@pytest.mark.parametrize(("fault", "error"), [
    ({"drop_rate": 1}, requests.ConnectionError),
    ({"timeout_rate": 1, "timeout_s": 0.01}, requests.ConnectionError),
    ({"cut_rate": 1}, requests.exceptions.ChunkedEncodingError),
])  # fmt: skip
def test_connections_break_over_tls_as_well(served, trust, faults, fault, error):
    server = served(toy_app())
    faults(server.url, **fault)
    with pytest.raises(error):
        requests.post(f"https://{at(server)}/things", json={"name": "lamp"}, timeout=60)


def test_hubspots_own_client_over_tls(served, certificate):
    server = served(hubspot.create_app())
    address = f"https://{at(server)}"
    client = HubSpot(
        access_token=hubspot.TOKEN, host=address, base_url=address, retry=False,
        ssl_ca_cert=str(certificate.ca_file),
    )  # fmt: skip
    contacts = client.crm.contacts.basic_api
    made = contacts.create(SimplePublicObjectInputForCreate(properties={"email": "ada@example.com"}))
    contacts.update(made.id, SimplePublicObjectInputForCreate(properties={"firstname": "Ada"}))
    assert contacts.get_by_id(made.id, properties=["firstname"]).properties["firstname"] == "Ada"
    contacts.archive(made.id)
    assert contacts.get_page().results == []


def test_hubspots_links_are_https_there(served, trust):
    address = f"https://{at(served(hubspot.create_app()))}"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {hubspot.TOKEN}"
    for number in range(3):
        session.post(f"{address}/crm/v3/objects/contacts", json={"properties": {"firstname": str(number)}})
    told = session.get(f"{address}/crm/v3/objects/contacts", params={"limit": 2}, timeout=60).json()
    assert told["paging"]["next"]["link"].startswith(f"{address}/crm/v3/objects/contacts?")
    assert told["results"][0]["url"].startswith(f"{address}/browse/contacts/")


def lives(client: Salesforce) -> None:
    """Make, change, read, find and delete a lead."""
    lead = client.Lead.create({"LastName": "Lovelace", "Company": "Engines"})["id"]
    assert client.Lead.update(lead, {"Title": "CTO"}) == 204
    assert client.Lead.get(lead)["Title"] == "CTO"
    assert client.query("SELECT Id FROM Lead WHERE Title = 'CTO'")["totalSize"] == 1
    assert client.Lead.delete(lead) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Lead.get(lead)


def test_simple_salesforce_with_a_session_at_the_sandboxs_address(served, trust):
    server = served(salesforce.create_app())
    lives(Salesforce(instance=at(server), session_id=salesforce.TOKEN))


def test_simple_salesforce_with_the_instance_address_of_a_token(served, trust):
    address = f"https://{at(served(salesforce.create_app()))}"
    form = {
        "grant_type": "client_credentials",
        "client_id": "3MVG9.leadrelay.sandbox",
        "client_secret": "sandbox-secret",
    }
    told = requests.post(f"{address}/services/oauth2/token", data=form, timeout=60).json()
    assert (told["instance_url"], told["id"].startswith(f"{address}/id/00D")) == (address, True)
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    identity = requests.get(told["id"], headers=bearer, timeout=60).json()
    assert identity["urls"]["rest"].startswith(f"{address}/services/data/")
    lives(Salesforce(instance_url=told["instance_url"], session_id=told["access_token"]))


def test_simple_salesforce_signs_in_by_itself_where_the_name_leads_here(served, trust, monkeypatch):
    """As with a line in the hosts file; the certificate names the domain."""
    port, ask = int(served(salesforce.create_app()).tls_url.rpartition(":")[2]), socket.getaddrinfo

    def found(host, asked, *more, **named):
        here = host == MY_DOMAIN
        return ask("127.0.0.1", port, *more, **named) if here else ask(host, asked, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    lives(
        Salesforce(
            consumer_key="3MVG9.leadrelay.sandbox", consumer_secret="sandbox-secret", domain="northlight.my"
        )
    )


@pytest.mark.parametrize("secure", [False, True])
def test_answers_without_a_body_leave_the_connection_open(served, certificate, secure):
    server = served(salesforce.create_app())
    kind = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
    url = server.tls_url if secure else server.url
    more = {"ca_certs": str(certificate.ca_file)} if secure else {}
    headers = {"Authorization": f"Bearer {salesforce.TOKEN}", "Content-Type": "application/json"}
    base = "/services/data/v68.0/sobjects/Lead"
    with kind("localhost", int(url.rpartition(":")[2]), **more) as pool:
        lead = b'{"LastName": "L", "Company": "C"}'
        made = pool.request("POST", base, body=lead, headers=headers).json()["id"]
        told = [
            pool.request("PATCH", f"{base}/{made}", body=b'{"City": "Ulm"}', headers=headers)
            for _ in range(5)
        ]
        late = {**headers, "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
        told += [pool.request("GET", f"{base}/describe", headers=late)]
        told += [pool.request("DELETE", f"{base}/{made}", headers=headers)]
        assert [one.status for one in told] == [204] * 5 + [304, 204]
        assert not [
            one for one in told if {"Connection", "Content-Type", "Content-Length"} & set(one.headers)
        ]
        assert pool.num_connections == 1
        asked = pool.request("GET", f"{base}/describe", headers={**late, "Connection": "close"})
        assert (asked.status, asked.headers["Connection"]) == (304, "close")
