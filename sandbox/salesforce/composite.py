"""``POST composite``: up to 25 calls in one, each of which may use what an earlier one answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.exceptions import MethodNotAllowed, NotFound

from sandbox.salesforce import batches
from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.versions import check_version

MAX_CALLS = 25
MAX_HEAVY = 5  # queries and collections among them

Handler = Callable[[Ask], Reply]
Match = Callable[[str, str], tuple[Handler, Mapping[str, str]]]  # path, method -> handler and arguments

_REFERENCE = re.compile(r"@\{([^{}]*)\}")
_REFERENCE_ID = re.compile(r"[A-Za-z0-9]\w*")
_STEP = re.compile(r"\w+|\[\d+\]")
_HEAVY = re.compile(r"/services/data/v[\d.]+/(query|queryAll|composite/sobjects)\b", re.IGNORECASE)
_RULE = (
    "must start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."
)
_TOO_MANY_FAILED = "Execution halted as too many previous graphs were not successful."
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


def composite(ask: Ask, match: Match) -> Reply:
    """Run the calls in order; with allOrNone the first that fails takes all back."""
    body = ask.fields()
    calls, all_or_none = calls_of(body), bool(body.get("allOrNone", False))
    shown, _ = run_all(ask, match, calls, all_or_none=all_or_none)
    return Reply(200, {"compositeResponse": shown})


def run_all(
    ask: Ask, match: Match, calls: list[Mapping[str, Any]], *, all_or_none: bool, halted: bool = False
) -> tuple[list[dict[str, Any]], bool]:
    """What the calls answered, and whether all went well; ``halted`` runs none of them."""
    done, start = _Done(ask, match, all_or_none=all_or_none), ask.journal.mark()
    if halted:
        return [_shown(call, Reply.of(_halted(_TOO_MANY_FAILED))) for call in calls], False
    for call in calls:
        done.run(call)
        if done.failed and all_or_none:
            ask.journal.roll_back(start)
            return _all_rolled_back(calls, done), False
    return [_shown(call, done.replies[call["referenceId"]]) for call in calls], done.failed is None


class _Done:
    """The calls that were run, by their reference ids."""

    def __init__(self, ask: Ask, match: Match, *, all_or_none: bool) -> None:
        self.ask, self.match, self.all_or_none = ask, match, all_or_none
        self.replies: dict[str, Reply] = {}
        self.failed: str | None = None  # the first that failed

    def run(self, call: Mapping[str, Any]) -> None:
        """Run one call; an error is its reply."""
        mark = self.ask.journal.mark()
        try:
            reply = self._answer(call)
        except SalesforceError as error:
            self.ask.journal.roll_back(mark)
            reply = Reply.of(error)
        self.replies[call["referenceId"]] = reply
        if self.failed is None and (reply.status >= 300 or (self.all_or_none and _an_item_failed(reply))):
            self.failed = call["referenceId"]

    def _answer(self, call: Mapping[str, Any]) -> Reply:
        url = address_of(self._filled(call["url"]))
        parts = url.path.split("/")
        if parts[:3] != ["", "services", "data"] or len(parts) < 5:
            raise not_found()
        check_version(parts[3])
        method = str(call["method"]).upper()
        try:
            handler, arguments = self.match(unquote(url.path), method)
        except MethodNotAllowed:
            raise SalesforceError("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed.") from None
        except NotFound:
            raise not_found() from None
        headers = Headers(self.ask.headers)
        for name, value in (call.get("httpHeaders") or {}).items():
            headers.set(name, str(value))
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        content = self._filled(call.get("body"))
        ask = Ask(
            self.ask.org, method, arguments, params, headers, content, self.ask.journal, self.ask.user_id
        )
        if method != "GET" and not _HEAVY.match(url.path) and ask.org.plan.item_fails():
            raise SalesforceError(
                "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", []
            )
        return handler(ask)

    def _filled(self, value: Any) -> Any:
        """The value with every reference replaced by what it refers to."""
        if isinstance(value, dict):
            return {key: self._filled(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._filled(part) for part in value]
        if not isinstance(value, str) or "@{" not in value:
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._referred(whole.group(1))
        return _REFERENCE.sub(lambda match: str(self._referred(match.group(1))), value)

    def _referred(self, reference: str) -> Any:
        name = reference.partition(".")[0].partition("[")[0]
        reply = self.replies.get(name)
        if reply is not None and reply.status >= 300:
            raise _halted(f"Execution halted as previous operation ({name}) was not successful.")
        try:
            found: Any = reply.body if reply is not None else None
            for step in _STEP.findall(reference[len(name) :]):
                found = found[int(step[1:-1])] if step.startswith("[") else found[step]
        except (KeyError, IndexError, TypeError, ValueError):
            found = None
        if found is None:
            raise _halted(
                f"Invalid reference specified. No value for {reference} found in {name}. "
                f"Provided referenceId ('{reference}') {_RULE}"
            )
        return found


def calls_of(body: Mapping[str, Any], *, most: int = MAX_CALLS) -> list[Mapping[str, Any]]:
    """The calls of a composite; raises where they cannot be run at all."""
    calls = body.get("compositeRequest")
    if not isinstance(calls, list) or not calls:
        raise SalesforceError("JSON_PARSER_ERROR", "compositeRequest is missing or is not a JSON array")
    if len(calls) > most:
        raise SalesforceError("LIMIT_EXCEEDED", f"The composite request has more than {most} subrequests")
    names = set[str]()
    for call in calls:
        if not isinstance(call, dict) or not all(isinstance(call.get(key), str) for key in ("method", "url")):
            raise SalesforceError("JSON_PARSER_ERROR", "a subrequest is no object with method and url")
        _check_headers(call.get("httpHeaders"))
        name = call.get("referenceId")
        if not isinstance(name, str) or not _REFERENCE_ID.fullmatch(name) or name in names:
            raise SalesforceError("INVALID_INPUT", f"Provided referenceId ('{name}') must be unique, {_RULE}")
        names.add(name)
    if sum(1 for call in calls if _HEAVY.match(call["url"])) > MAX_HEAVY:
        message = f"The composite request has more than {MAX_HEAVY} query and sObject collections subrequests"
        raise SalesforceError("LIMIT_EXCEEDED", message)
    return calls


def address_of(text: str) -> SplitResult:
    """The address of a subrequest; one that is none leads nowhere."""
    try:
        return urlsplit(text)
    except ValueError:
        raise not_found() from None


def _check_headers(told: object) -> None:
    if told is None:
        return
    if not isinstance(told, dict) or any("\n" in str(one) or "\r" in str(one) for one in told.values()):
        raise SalesforceError("JSON_PARSER_ERROR", "httpHeaders is no object of header values")


def _an_item_failed(reply: Reply) -> bool:
    """Whether a collection inside has an error; the outer allOrNone counts it as the call's own."""
    return isinstance(reply.body, list) and any(
        isinstance(item, dict) and item.get("success") is False for item in reply.body
    )


def _all_rolled_back(calls: list[Mapping[str, Any]], done: _Done) -> list[dict[str, Any]]:
    """Every call told as rolled back, but for the one that failed, and with its own reason."""
    shown = []
    for call in calls:
        culprit = call["referenceId"] == done.failed
        reply = done.replies[call["referenceId"]] if culprit else Reply.of(_halted(_ROLLED_BACK))
        if culprit and _an_item_failed(reply):
            reply = Reply(400, [batches.rolled_back(result) for result in reply.body])
        shown.append(_shown(call, reply))
    return shown


def _shown(call: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    return {
        "body": reply.body,
        "httpHeaders": dict(reply.headers),
        "httpStatusCode": reply.status,
        "referenceId": call["referenceId"],
    }


def _halted(message: str) -> SalesforceError:
    return SalesforceError("PROCESSING_HALTED", message)
