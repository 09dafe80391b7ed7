"""The addresses of the SOAP API, added to those of REST."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from sandbox.salesforce.errors import SalesforceError, not_built
from sandbox.salesforce.journal import Journal
from sandbox.salesforce.org import Org
from sandbox.salesforce.soap.calls import CALLS
from sandbox.salesforce.soap.envelope import Message, fault, parse, response
from sandbox.salesforce.versions import NEWEST, OLDEST
from sandbox.salesforce.writes import Writer

_FLAVOURS = {"u": "partner", "c": "enterprise"}
_VERSION = re.compile(r"(\d{1,3})\.0")
LAST_LOGIN = 64  # the last version that has login()


def add_to(routes: Blueprint, org: Org) -> None:
    """Add the endpoints to a blueprint."""

    @routes.post("/services/Soap/<any(u, c):flavour>/<version>")
    @routes.post("/services/Soap/<any(u, c):flavour>/<version>/<path:org_id>")
    def soap(flavour: str, version: str, org_id: str = "") -> Response:  # noqa: ARG001 - some clients name it
        """Answer a call; an error of the whole call is a fault."""
        namespace, journal = _FLAVOURS[flavour], Journal()
        try:
            message = parse(request.get_data(), namespace)
            with org.lock:
                try:
                    text = _answered(org, message, version, journal)
                except BaseException:  # whatever it is, half a call must not stay; it goes on up
                    journal.roll_back()
                    raise
                journal.commit(org.wrote)
        except SalesforceError as error:
            status = 501 if error.code == "NOT_IMPLEMENTED" else 500
            return Response(fault(error, namespace), status, content_type="text/xml; charset=utf-8")
        return Response(text, content_type="text/xml; charset=utf-8")


def _answered(org: Org, message: Message, version: str, journal: Journal) -> str:
    match = _VERSION.fullmatch(version)
    if match is None or not OLDEST <= int(match[1]) <= NEWEST:
        raise SalesforceError("UNSUPPORTED_API_VERSION", f"API version {version} is not supported")
    if message.name == "login":
        told = (
            "SOAP API login() is disabled by default in this org."
            if int(match[1]) <= LAST_LOGIN
            else f"SOAP API login() is not available in the API version specified ({version})"
        )
        raise SalesforceError("INVALID_OPERATION", told)
    user_id = org.user_of_token(message.header("SessionHeader", "sessionId") or "")
    if user_id is None:
        told = "Invalid Session ID found in SessionHeader: Illegal Session"
        raise SalesforceError("INVALID_SESSION_ID", told)
    call = CALLS.get(message.name)
    if call is None:
        raise not_built(f"the SOAP call {message.name}")
    org.count_call()
    saves = message.header("DuplicateRuleHeader", "allowSave") == "true"
    write = Writer(org, journal, user_id, assign=False, save_duplicates=saves)  # no rule without its header
    return response(message, call(message, write))
