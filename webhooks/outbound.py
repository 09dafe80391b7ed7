"""Reads the SOAP envelope of Salesforce's Outbound Messages, whoever may have sent it.

Expat reads it as it streams by, so no tree is built; a document type, and with it every entity, is refused
before that, as is what is nested deeper than such an envelope ever is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from model.errors import Refused

OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
RECORD = "urn:sobject.enterprise.soap.sforce.com"
TYPE = "http://www.w3.org/2001/XMLSchema-instance type"

DEEPEST = 12
LONGEST_TEXT = 64  # characters of what is read: ids and names

ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<notificationsResponse xmlns="{OUTBOUND}"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)


@dataclass(slots=True)
class Notification:
    """That a record was changed; what else it says of it is not trusted, and not read."""

    id: str = ""
    object: str = ""
    record_id: str = ""


@dataclass(slots=True)
class Message:
    """An envelope: whose it is, and the records that it names."""

    organization_id: str = ""
    action_id: str = ""
    notifications: list[Notification] = field(default_factory=list)


def read(body: bytes) -> Message:
    """Read an envelope. Raises ``Refused`` for anything else."""
    try:
        text = body.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _malformed("it is not text in UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # Salesforce escapes every "<" of a value
        raise _malformed("it has a document type, which no such message has")
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise _malformed(f"it is no well-formed XML: {expat.errors.messages[error.code]}") from None
    if not reader.message.organization_id or not reader.message.notifications:
        raise _malformed("it is no Outbound Message")
    return reader.message


class _Reader:
    """Takes what is needed out of the elements as they go by."""

    def __init__(self) -> None:
        self.message = Message()
        self.parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._said
        self._path: list[str] = []
        self._text = ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text = ""
        if len(self._path) > DEEPEST:
            raise _malformed("it is nested too deep")
        if name == f"{OUTBOUND} Notification":
            self.message.notifications.append(Notification())
        elif name == f"{OUTBOUND} sObject" and self.message.notifications:
            kind = attributes.get(TYPE, "").rpartition(":")[2]
            self.message.notifications[-1].object = kind[:LONGEST_TEXT]

    def _said(self, text: str) -> None:
        if len(self._text) <= LONGEST_TEXT:
            self._text += text[: LONGEST_TEXT + 1]

    def _end(self, name: str) -> None:
        self._path.pop()
        parent, text = self._path[-1] if self._path else "", self._text.strip()
        self._text = ""
        if len(text) > LONGEST_TEXT:
            return
        message, notification = self.message, f"{OUTBOUND} Notification"
        if parent == f"{OUTBOUND} notifications":
            if name == f"{OUTBOUND} OrganizationId":
                message.organization_id = text
            elif name == f"{OUTBOUND} ActionId":
                message.action_id = text
        elif parent == notification and name == f"{OUTBOUND} Id":
            message.notifications[-1].id = text
        elif parent == f"{OUTBOUND} sObject" and name == f"{RECORD} Id" and message.notifications:
            message.notifications[-1].record_id = text


def _malformed(why: str) -> Refused:
    return Refused(
        400,
        "malformed_message",
        f"The body cannot be taken: {why}",
        "Send the SOAP envelope of an Outbound Message, as Salesforce does.",
    )
