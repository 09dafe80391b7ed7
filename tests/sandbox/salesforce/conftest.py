"""One org for all tests, as new before each; asked with plain requests, and with simple-salesforce."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from sandbox.salesforce import TOKEN, create_app
from sandbox.salesforce.oauth.apps import CLIENT_ID
from sandbox.server import running

ANNA = "anna.keller@northlight.example"
NO_ASSIGNMENT = {"Sforce-Auto-Assign": "FALSE"}


class Api:
    """Calls the org as the API user, without the assignment rule unless a test asks for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"Bearer {TOKEN}", **NO_ASSIGNMENT})

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        full = path if path.startswith("/services") else f"/services/data/v68.0/{path}"
        return self.session.request(method, self.url + full, timeout=60, **how)

    def get(self, path: str, **how: Any) -> requests.Response:
        return self.call("GET", path, **how)

    def post(self, path: str, body: object, **how: Any) -> requests.Response:
        return self.call("POST", path, json=body, **how)

    def patch(self, path: str, body: object, **how: Any) -> requests.Response:
        return self.call("PATCH", path, json=body, **how)

    def delete(self, path: str, **how: Any) -> requests.Response:
        return self.call("DELETE", path, **how)

    def make(self, name: str, **fields: Any) -> str:
        """Make a record; returns its id."""
        made = self.post(f"sobjects/{name}", fields)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def lead(self, **fields: Any) -> str:
        """Make a lead; returns its id."""
        made = self.post("sobjects/Lead", {"LastName": "Lovelace", "Company": "Engines", **fields})
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def contact(self, **fields: Any) -> str:
        """Make a contact; returns its id."""
        made = self.post("sobjects/Contact", {"LastName": "Lovelace", **fields})
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def read(self, record_id: str, fields: str) -> dict[str, Any]:
        """The named fields of a lead or contact."""
        name = "Lead" if record_id.startswith("00Q") else "Contact"
        told = self.get(f"sobjects/{name}/{record_id}", params={"fields": fields}).json()
        del told["attributes"]
        return told

    def query(self, soql: str, *, also_deleted: bool = False, **headers: str) -> requests.Response:
        return self.get("queryAll" if also_deleted else "query", params={"q": soql}, headers=headers)

    def rows(self, soql: str, *, also_deleted: bool = False) -> list[dict[str, Any]]:
        """The rows of a query, without their attributes."""
        answer = self.query(soql, also_deleted=also_deleted)
        assert answer.status_code == 200, answer.text
        return [
            {name: value for name, value in row.items() if name != "attributes"}
            for row in answer.json()["records"]
        ]

    def control(self, path: str, body: object = None) -> requests.Response:
        """A control call: POST with a body, GET without."""
        method = "GET" if body is None else "POST"
        return requests.request(method, f"{self.url}/__sandbox/{path}", json=body, timeout=60)

    def fault(self, **setting: Any) -> None:
        assert self.control("faults", setting).status_code == 200

    def user(self, email: str) -> str:
        """The id of a user of the demo company."""
        [row] = self.rows(f"SELECT Id FROM User WHERE Email = '{email}'")
        return row["Id"]


class PlainHTTP(HTTPAdapter):
    """Sends what simple-salesforce addresses over https to the sandbox; the Host header keeps the name."""

    def __init__(self, target: str) -> None:
        self.target = target
        super().__init__()

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:  # type: ignore[override]
        asked, target = urlsplit(str(request.url)), urlsplit(self.target)
        request.url = urlunsplit((target.scheme, target.netloc, asked.path, asked.query, ""))
        request.headers["Host"] = asked.netloc
        how["timeout"] = how.get("timeout") or 10
        return super().send(request, **how)


@pytest.fixture(scope="session")
def org_url() -> Iterator[str]:
    """The address of an org."""
    with running(create_app()) as url:
        yield url


@pytest.fixture
def api(org_url: str) -> Api:
    """The org as new, and a way to call it."""
    requests.post(f"{org_url}/__sandbox/reset", timeout=60)
    return Api(org_url)


@pytest.fixture
def session(api: Api) -> requests.Session:
    """A session that reaches the sandbox under the hosts' real names."""
    made = requests.Session()
    made.trust_env = False
    for host in ("login.salesforce.com", "northlight.my.salesforce.com", "acme.my.salesforce.com"):
        made.mount(f"https://{host}", PlainHTTP(api.url))
    return made


@pytest.fixture
def client(session: requests.Session) -> Salesforce:
    """simple-salesforce, pointed at the org."""
    return Salesforce(
        instance_url="https://acme.my.salesforce.com", session_id=TOKEN, version="68.0", session=session
    )


@pytest.fixture(scope="session")
def key() -> tuple[str, str]:
    """A key pair as PEM: private, public."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture
def jwt_app(api: Api, key: tuple[str, str]) -> Api:
    """The default app, with the public key, pre-approved for Anna."""
    settings = {"client_id": CLIENT_ID, "jwt_certificate": key[1], "preauthorized": [ANNA]}
    assert api.control("apps", settings).status_code == 201
    return api
