"""Whose endpoint a path is, and the shape in which that vendor tells of an error."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Response

from sandbox.app import answer

WHERE = "docs/sandbox.md"


class Answer(Exception):
    """A vendor's refusal; it carries the answer that is sent."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def plain(text: str, status: int = 200, **headers: str) -> Response:
    """A text answer, typed as the incoming webhooks of Slack type theirs (seen in recorded answers)."""
    return Response(text, status, mimetype="text/html", headers=headers)


def slack_error(code: str, status: int = 200, **more: Any) -> Response:
    """The Web API's error: HTTP 200 and ``ok: false`` (Slack, "Using the Slack Web API")."""
    return answer({"ok": False, "error": code, **more}, status)


def teams_error(status: int, code: str, message: str) -> Response:
    """The error of a flow's address, as recorded answers of Power Automate and Logic Apps have it."""
    return answer({"error": {"code": code, "message": message}}, status)


def enrichment_error(status: int, kind: str, message: str) -> Response:
    """People Data Labs, "Errors & Status Codes": status, error.type and error.message."""
    return answer({"status": status, "error": {"type": kind, "message": message}}, status)


def captcha_error(*codes: str, status: int = 200) -> Response:
    """What all three siteverify endpoints answer to what they do not accept."""
    return answer({"success": False, "error-codes": list(codes)}, status)


def slow_down(response: Response, seconds: int) -> Response:
    """Tell how long to wait: ``Retry-After`` in whole seconds."""
    response.headers["Retry-After"] = str(seconds)
    return response


def webhook_too_fast(seconds: int) -> Response:
    """429 of an incoming webhook: status and header are documented, the body is seen in users' logs."""
    body = {"retry_after": seconds, "ok": False, "error": "rate_limited"}
    return slow_down(answer(body, 429), seconds)


def method_too_fast(seconds: int) -> Response:
    """429 of a Web API method, as the tests of Slack's own python-slack-sdk play it."""
    return slow_down(slack_error("ratelimited", 429), seconds)


def flow_too_fast(seconds: int) -> Response:
    """429 of a flow: the sentence is seen in users' logs, the body around it is inferred."""
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    return slow_down(answer({"statusCode": 429, "message": message}, 429), seconds)


def enrichment_too_fast(seconds: int) -> Response:
    """429 of People Data Labs, "Errors & Status Codes"; ``Retry-After`` is in "Usage Limits"."""
    message = "An error occurred due to requests hitting the API too quick"
    return slow_down(enrichment_error(429, "rate_limit_error", message), seconds)


def family(path: str) -> str:
    """The vendor that a path belongs to; empty for none of them."""
    for start, name in STARTS.items():
        if path.startswith(start):
            return name
    return ""


def failure(path: str, status: int) -> Response:
    """The error of an injected fault."""
    return FAILURES.get(family(path), _plain_failure)(status)


def not_built(path: str) -> Response:
    """501 in the vendor's shape, with a pointer to the page that lists what there is."""
    message = f"The sandbox does not have this endpoint. See {WHERE}."
    match family(path):
        case "webhook":
            return plain(f"not_built: {message}", 501)
        case "slack":
            return slack_error("not_built", 501, response_metadata={"messages": [f"[ERROR] {message}"]})
        case "teams":
            return teams_error(501, "NotBuilt", message)
        case "enrichment":
            return enrichment_error(501, "not_built", message)
        case "captcha":
            return answer({"success": False, "error-codes": ["not-built"], "message": message}, 501)
        case _:
            return answer({"code": "not_built", "message": message}, 501)


def _webhook_failure(status: int) -> Response:
    if status == 429:
        return webhook_too_fast(1)
    # rollup_error is the one documented body of a 500 (changelog of 2016-05-17).
    return plain("rollup_error" if status == 500 else _phrase(status), status)


def _slack_failure(status: int) -> Response:
    if status == 429:
        return method_too_fast(1)
    codes = {401: "invalid_auth", 403: "access_denied", 408: "request_timeout", 503: "service_unavailable"}
    return slack_error(codes.get(status, "internal_error"), status)


def _teams_failure(status: int) -> Response:
    if status == 429:
        return flow_too_fast(1)
    return teams_error(status, _phrase(status).replace(" ", ""), f"The sandbox was told to fail: {status}.")


def _enrichment_failure(status: int) -> Response:
    if status == 429:
        return enrichment_too_fast(1)
    if status == 402:
        return out_of_credits()
    kind = "api_error" if status >= 500 else "invalid_request_error"
    return enrichment_error(status, kind, f"The sandbox was told to fail: {status}.")


def out_of_credits() -> Response:
    """402: the message is that of People Data Labs' OpenAPI document."""
    return enrichment_error(
        402, "payment_required", "You have reached your account maximum (all matches used)"
    )


def _captcha_failure(status: int) -> Response:
    return captcha_error("internal-error", status=status)


def _plain_failure(status: int) -> Response:
    return answer({"code": "injected", "message": _phrase(status)}, status)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else f"Status {status}"


STARTS = {
    "/services/": "webhook",
    "/api/": "slack",
    "/workflows/": "teams",
    "/powerautomate/": "teams",
    "/v5/": "enrichment",
    "/recaptcha/": "captcha",
    "/siteverify": "captcha",
    "/turnstile/": "captcha",
}
FAILURES: dict[str, Callable[[int], Response]] = {
    "webhook": _webhook_failure,
    "slack": _slack_failure,
    "teams": _teams_failure,
    "enrichment": _enrichment_failure,
    "captcha": _captcha_failure,
}
