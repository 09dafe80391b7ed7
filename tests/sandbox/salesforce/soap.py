"""A SOAP client as small as it can be."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import requests

from sandbox.salesforce import TOKEN

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


def call(
    url: str, operation: str, *, version: str = "64.0", token: str = TOKEN, headers: str = ""
) -> requests.Response:
    """Send an operation, given as XML in the partner namespace."""
    envelope = (
        f'<s:Envelope xmlns:s="{_ENVELOPE}" xmlns="urn:partner.soap.sforce.com" '
        'xmlns:o="urn:sobject.partner.soap.sforce.com">'
        f"<s:Header><SessionHeader><sessionId>{escape(token)}</sessionId></SessionHeader>{headers}</s:Header>"
        f"<s:Body>{operation}</s:Body></s:Envelope>"
    )
    address = f"{url}/services/Soap/u/{version}"
    soap = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    return requests.post(address, envelope.encode(), headers=soap, timeout=60)


def results(answer: requests.Response) -> list[dict[str, Any]]:
    """The results of an answer, each as a dict of texts; a repeated name is a list."""
    assert answer.status_code == 200, answer.text
    root = ElementTree.fromstring(answer.content)
    return [told(one) for one in root.iter("{urn:partner.soap.sforce.com}result")]


def told(element: ElementTree.Element) -> Any:
    """An element as Python values."""
    if len(element) == 0:
        nil = element.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"
        return None if nil else (element.text or "")
    found: dict[str, Any] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        value = told(child)
        found[name] = value if name not in found else [*_listed(found[name]), value]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def fault(answer: requests.Response) -> tuple[int, str]:
    """The status and the code of a fault."""
    root = ElementTree.fromstring(answer.content)
    return answer.status_code, next(root.iter("faultcode")).text or ""


def elements(**values: Any) -> str:
    """Values as XML elements."""
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
