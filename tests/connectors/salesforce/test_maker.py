"""Making custom fields: made, opened to the API user, and again without harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from connectors.base import Endpoint
from connectors.inspection import Field
from connectors.making import NewField
from connectors.salesforce.inspector import SalesforceInspector
from connectors.salesforce.maker import SalesforceMaker
from connectors.tokens import FixedToken
from model.errors import NotAuthorized
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.connectors.endpoints import Notes, an_endpoint
from tests.connectors.stub import Said

TOKEN = "00Dsandbox!sandbox-token"
TEXT = NewField("Lead", "Shoe__c", "text", "Shoe", length=40, purpose="Written by leadrelay: shoe.")
ALL = (
    TEXT,
    NewField("Contact", "Shoe__c", "text", "Shoe", length=40),
    NewField("Lead", "Essay__c", "text", "Essay", length=5000),
    NewField("Lead", "Points__c", "number", "Points"),
    NewField("Lead", "Is_New__c", "bool", "Is new"),
    NewField("Lead", "Seen_At__c", "datetime", "Seen at"),
    NewField("Lead", "Size__c", "choice", "Size", options=("S", "L")),
    NewField("Lead", "Our_Id__c", "text", "Our id", length=64, is_unique=True),
    NewField("Lead", "Ends_On__c", "date", "Ends on"),
)


@pytest.fixture
def url() -> Iterator[str]:
    with running(VENDORS["salesforce"](Clock())) as found:
        yield found


def endpoint(url: str) -> Endpoint:
    return Endpoint(url, FixedToken(TOKEN), Notes())


def field(url: str, kind: str, name: str) -> Field | None:
    told = SalesforceInspector(endpoint(url)).fields(kind)
    assert told is not None
    return told.by_name.get(name)


def rows(url: str, soql: str) -> list[dict[str, object]]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{url}/services/data/v68.0/query", params={"q": soql}, headers=headers, timeout=60)
    found: list[dict[str, object]] = answer.json()["records"]
    return found


def test_all_types_are_made_and_the_api_user_may_write_them(url):
    made = list(SalesforceMaker(endpoint(url)).make(ALL))
    assert [(str(one.field), one.refusal) for one in made] == [(str(one), "") for one in ALL]
    for one in ALL:
        found = field(url, one.object, one.name)
        assert found is not None, one
        assert (found.type, found.can_create, found.can_update) == (one.type, True, True)
    own = field(url, "Lead", "Our_Id__c")
    assert own is not None
    assert (own.is_unique, own.is_key, own.length) == (True, True, 64)
    size = field(url, "Lead", "Size__c")
    assert size is not None
    assert (size.options, size.is_closed) == (("S", "L"), False)


def test_made_again_nothing_is_doubled(url):
    for _ in range(2):
        assert {one.refusal for one in SalesforceMaker(endpoint(url)).make(ALL)} == {""}
    assert len(rows(url, "SELECT Id FROM PermissionSet WHERE Name = 'leadrelay'")) == 1
    assert len(rows(url, "SELECT Id FROM PermissionSetAssignment")) == 1
    assert len(rows(url, "SELECT Id FROM FieldPermissions")) == len(ALL)


def test_one_that_was_made_and_never_opened_is_opened(url):
    body = {"FullName": "Lead.Shoe__c", "Metadata": {"label": "Shoe", "type": "Text", "length": 40}}
    made = requests.post(
        f"{url}/services/data/v68.0/tooling/sobjects/CustomField",
        json=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60,
    )  # fmt: skip
    assert made.status_code == 201
    assert field(url, "Lead", "Shoe__c") is None
    assert [one.refusal for one in SalesforceMaker(endpoint(url)).make([TEXT])] == [""]
    assert field(url, "Lead", "Shoe__c") is not None


def test_a_standard_field_is_not_made(url):
    [made] = SalesforceMaker(endpoint(url)).make([NewField("Lead", "HasOptedOutOfEmail", "bool", "x")])
    assert made.refusal == "it is no custom field; field-level security hides it from this user"


def test_a_user_who_may_not_customise_says_so(stub):
    denied = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "insufficient access rights"}]
    stub.will_say(Said(403, denied))
    with pytest.raises(NotAuthorized, match="insufficient access rights"):
        list(SalesforceMaker(an_endpoint(stub.url)).make([TEXT]))


def test_a_field_that_could_not_be_opened_says_what_hides_it(stub):
    denied = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "insufficient access rights"}]
    stub.will_say(Said(201, {"id": "00N", "success": True}), Said(403, denied))
    [made] = SalesforceMaker(an_endpoint(stub.url)).make([TEXT])
    assert "field-level security hides it" in made.refusal
    assert "insufficient access rights" in made.refusal


def test_what_salesforce_refuses_of_one_field_is_its_own(stub):
    wrong = [{"errorCode": "FIELD_INTEGRITY_EXCEPTION", "message": "Too many custom fields"}]
    stub.will_say(Said(400, wrong))
    [made] = SalesforceMaker(an_endpoint(stub.url)).make([TEXT])
    assert made.refusal == "Salesforce FIELD_INTEGRITY_EXCEPTION: Too many custom fields"


def test_the_steps_name_type_length_and_keys():
    maker = SalesforceMaker(an_endpoint("http://127.0.0.1:9"))
    text = " ".join(maker.steps(ALL[7]))
    for words in (
        "Object Manager > Lead",
        "Data type Text",
        "Our_Id",
        "Length 64",
        "External ID",
        "Field-level",
    ):
        assert words in text
    assert "Text Area (Long)" in " ".join(maker.steps(ALL[2]))
