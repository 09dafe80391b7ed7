"""``POST composite/batch``: up to 25 calls in one, independent of each other."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.datastructures import Headers
from werkzeug.exceptions import MethodNotAllowed, NotFound

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.composite import MAX_CALLS, Match, address_of
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.versions import check_version

_HALTED = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}]


def batch(ask: Ask, match: Match) -> Reply:
    """Run the calls one after the other; nothing is taken back, and each counts against the limit."""
    body = ask.fields()
    calls, halt = body.get("batchRequests"), bool(body.get("haltOnError", False))
    if not isinstance(calls, list) or not calls or not all(isinstance(call, dict) for call in calls):
        raise SalesforceError("JSON_PARSER_ERROR", "batchRequests is missing or is not a JSON array")
    if len(calls) > MAX_CALLS:
        raise SalesforceError("LIMIT_EXCEEDED", f"The batch has more than {MAX_CALLS} subrequests")
    results: list[dict[str, Any]] = []
    failed = False
    for number, call in enumerate(calls):
        if failed and halt:
            results.append({"statusCode": 412, "result": _HALTED})
            continue
        reply = _answered(ask, match, call, counted=number == 0)
        failed = failed or reply.status >= 300
        results.append({"statusCode": reply.status, "result": reply.body})
    return Reply(200, {"hasErrors": failed, "results": results})


def _answered(ask: Ask, match: Match, call: dict[str, Any], *, counted: bool) -> Reply:
    mark = ask.journal.mark()
    try:
        if not counted:  # the first of them was when the batch arrived
            ask.org.count_call()
        url = address_of(str(call.get("url", "")))
        path = "/services/data/" + url.path.removeprefix("/services/data/").lstrip("/")
        check_version(path.split("/")[3])
        try:
            handler, arguments = match(unquote(path), str(call.get("method", "GET")).upper())
        except (MethodNotAllowed, NotFound):
            raise not_found() from None
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        method, content = str(call.get("method", "GET")).upper(), call.get("richInput")
        inner = Ask(
            ask.org, method, arguments, params, Headers(ask.headers), content, ask.journal, ask.user_id
        )
        return handler(inner)
    except SalesforceError as error:
        ask.journal.roll_back(mark)
        return Reply.of(error)
