"""The SOAP envelope of notifications, and whether an answer acknowledges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from sandbox.salesforce.founding import ORG_ID
from sandbox.salesforce.oauth.hosts import MY_DOMAIN

_NAMESPACE = "http://soap.sforce.com/2005/09/outbound"
_SOAP = f"https://{MY_DOMAIN}/services/Soap/{{}}/68.0/{ORG_ID[:15]}"


@dataclass(frozen=True, slots=True)
class Told:
    """One notification as it is sent: its id and the chosen fields of the record, as they are now."""

    id: str
    object: str
    values: Mapping[str, Any]


def envelope(action_id: str, session: str | None, notifications: Sequence[Told]) -> bytes:
    """The body of a call with up to a hundred notifications."""
    told = "".join(_notification(one) for one in notifications)
    session_id = (
        '<SessionId xsi:nil="true"/>' if session is None else f"<SessionId>{escape(session)}</SessionId>"
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f' <soapenv:Body>\n  <notifications xmlns="{_NAMESPACE}">\n'
        f"   <OrganizationId>{ORG_ID}</OrganizationId>\n   <ActionId>{action_id}</ActionId>\n"
        f"   {session_id}\n   <EnterpriseUrl>{_SOAP.format('c')}</EnterpriseUrl>\n"
        f"   <PartnerUrl>{_SOAP.format('u')}</PartnerUrl>\n{told}"
        "  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>"
    )
    return text.encode()


def acknowledges(content: bytes) -> bool:
    """Whether an answer says Ack true."""
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return False
    found = root.find(f".//{{{_NAMESPACE}}}notificationsResponse/{{{_NAMESPACE}}}Ack")
    return found is not None and (found.text or "").strip().lower() in ("true", "1")


def _notification(one: Told) -> str:
    fields = "".join(
        f"     <sf:{name}>{escape(_text(value))}</sf:{name}>\n"
        for name, value in one.values.items()
        if value is not None
    )
    return (
        f"   <Notification>\n    <Id>{one.id}</Id>\n"
        f'    <sObject xsi:type="sf:{one.object}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\n'
        f"{fields}    </sObject>\n   </Notification>\n"
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text.removesuffix("+0000") + "Z" if text.endswith(".000+0000") else text
