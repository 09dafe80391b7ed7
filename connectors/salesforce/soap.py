"""The one thing that Salesforce does by SOAP alone: merging records. Envelopes of the partner WSDL; pure.

Source: the partner WSDL (``merge``, ``MergeRequest``, ``MergeResult``); SOAP API Developer Guide "merge()": a
master and at most two others of one of Lead, Contact and Account; what the master holds stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

MERGED = frozenset({"Lead", "Contact", "Account"})  # the objects that can be merged

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
PARTNER = "urn:partner.soap.sforce.com"
SOBJECT = "urn:sobject.partner.soap.sforce.com"

Error = Mapping[str, Any]


def merge_call(session: str, object_type: str, master: str, others: Sequence[str]) -> str:
    """Return the envelope that merges ``others`` into ``master``, whose values stay as they are."""
    losers = "".join(f"<p:recordToMergeIds>{escape(one)}</p:recordToMergeIds>" for one in others)
    record = f"<s:type>{escape(object_type)}</s:type><s:Id>{escape(master)}</s:Id>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns:p="{PARTNER}" xmlns:s="{SOBJECT}">'
        f"<e:Header><p:SessionHeader><p:sessionId>{escape(session)}</p:sessionId></p:SessionHeader>"
        "<p:CallOptions><p:client>leadrelay</p:client></p:CallOptions></e:Header>"
        f"<e:Body><p:merge><p:request><p:masterRecord>{record}</p:masterRecord>{losers}</p:request></p:merge>"
        "</e:Body></e:Envelope>"
    )


def fault_of(body: bytes) -> Error | None:
    """Return code and sentence of an answer that is a fault; ``None`` for one that is not."""
    fault = _find(_parsed(body), "Fault")
    if fault is None:
        return None
    code = (_text(fault, "faultcode") or "").rpartition(":")[2]
    return {"errorCode": code, "message": (_text(fault, "faultstring") or "").removeprefix(f"{code}: ")}


def errors_of_merge(body: bytes) -> list[Error] | None:
    """Return why a merge did not take place, nothing where it did; ``None`` where nothing tells."""
    result = _find(_parsed(body), "result")
    if result is None or _text(result, "success") not in ("true", "false"):
        return None
    if _text(result, "success") == "true":
        return []
    found: list[Error] = [
        {"statusCode": _text(one, "statusCode"), "message": _text(one, "message")}
        for one in result
        if _name(one) == "errors"
    ]
    return found or [{"statusCode": "MERGE_FAILED", "message": "no message"}]


def _parsed(body: bytes) -> Element | None:
    """Return the answer's tree; ``None`` for what is no XML, or has a document type, which no answer has."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None


def _find(root: Element | None, name: str) -> Element | None:
    return next((one for one in root.iter() if _name(one) == name), None) if root is not None else None


def _text(element: Element, name: str) -> str | None:
    found = next((one for one in element if _name(one) == name), None)
    return found.text if found is not None else None


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
