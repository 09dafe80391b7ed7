"""Reads and writes SOAP envelopes, of the partner WSDL and of the enterprise one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from sandbox.salesforce.errors import SalesforceError

_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


@dataclass(frozen=True, slots=True)
class Message:
    """A call: its operation, the headers by name, and the flavour of the WSDL it was made with."""

    operation: Element
    headers: Mapping[str, Element]
    flavour: str  # "partner" or "enterprise"

    @property
    def name(self) -> str:
        """The operation's name."""
        return local(self.operation)

    def header(self, name: str, part: str) -> str | None:
        """A part of a header."""
        header = self.headers.get(name)
        return None if header is None else text_of(header, part)


def parse(content: bytes, flavour: str) -> Message:
    """The call in an envelope; no document type is looked at, let alone its entities."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise SalesforceError("INVALID_SOAP", "a DOCTYPE is not allowed")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise SalesforceError("INVALID_SOAP", f"Unable to parse the message: {error}") from None
    body = root.find(f"{_ENVELOPE}Body")
    if root.tag != f"{_ENVELOPE}Envelope" or body is None or len(body) != 1:
        raise SalesforceError("INVALID_SOAP", "Unable to find the operation in the message")
    header = root.find(f"{_ENVELOPE}Header")
    headers = {} if header is None else {local(one): one for one in header}
    return Message(body[0], headers, flavour)


def local(element: Element) -> str:
    """A tag without its namespace."""
    return element.tag.rpartition("}")[2]


def parts(element: Element, name: str) -> list[Element]:
    """The children of that name."""
    return [child for child in element if local(child) == name]


def text_of(element: Element, name: str) -> str | None:
    """The text of the child of that name; nothing where it is nil or not there."""
    found = next(iter(parts(element, name)), None)
    if found is None or found.get(f"{_XSI}nil") in ("true", "1"):
        return None
    return (found.text or "").strip()


def texts(element: Element) -> dict[str, str | None]:
    """The texts of all children that have no children themselves."""
    return {local(child): text_of(element, local(child)) for child in element if not len(child)}


def record_of(element: Element) -> tuple[str, dict[str, Any]]:
    """The type and fields of an sObject; fieldsToNull are null."""
    fields: dict[str, Any] = {}
    kind = (element.get(f"{_XSI}type") or "").rpartition(":")[2]
    for child in element:
        name = local(child)
        if name == "type" and kind in ("", "sObject"):
            kind = (child.text or "").strip()
        elif name == "fieldsToNull":
            fields[(child.text or "").strip()] = None
        elif name != "type" and not len(child):
            fields[name] = text_of(element, name)
    return kind, fields


def response(message: Message, results: Iterable[Mapping[str, Any]] | Mapping[str, Any]) -> str:
    """The answer to a call: one result element each."""
    told = [results] if isinstance(results, Mapping) else list(results)
    inner = "".join(f"<result>{_written(result)}</result>" for result in told)
    name = f"{message.name}Response"
    return _envelope(f"<{name}>{inner}</{name}>", f'xmlns="urn:{message.flavour}.soap.sforce.com"')


def fault(error: SalesforceError, flavour: str) -> str:
    """The answer to a call that failed as a whole."""
    code, message = escape(error.code), escape(error.message)
    name = "UnexpectedErrorFault"
    return _envelope(
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>"
        f'<detail><sf:{name} xsi:type="sf:{name}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:{name}></detail></soapenv:Fault>",
        f'xmlns:sf="urn:fault.{flavour}.soap.sforce.com"',
    )


def errors_of(error: SalesforceError) -> dict[str, Any]:
    """The ``errors`` of one result."""
    return {"fields": error.fields or [], "message": error.message, "statusCode": error.code}


def _envelope(body: str, namespace: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'{namespace} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )


def _written(values: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in values.items())


def _element(name: str, value: Any) -> str:
    match value:
        case None:
            return f'<{name} xsi:nil="true"/>'
        case bool():
            return f"<{name}>{str(value).lower()}</{name}>"
        case list():
            return "".join(_element(name, one) for one in value)
        case dict():
            return f"<{name}>{_written(value)}</{name}>"
        case _:
            return f"<{name}>{escape(str(value))}</{name}>"
