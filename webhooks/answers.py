"""Every refusal as JSON with a stable code, a sentence, and what to do; never a page."""

from __future__ import annotations

import structlog
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from model.errors import Refused, StoreBusy
from model.faults import traceback_of

log = structlog.get_logger("leadrelay.http")

RETRY_AFTER_SECONDS = 5

PLAIN = {
    400: ("bad_request", "The request is not well formed", "Send a well-formed HTTP/1.1 request."),
    404: ("not_found", "There is nothing at this address", "Check the address."),
    405: ("method_not_allowed", "This address does not take that method", "Use one that Allow names."),
    413: ("too_large", "The request is too large", "Send less in one request."),
    431: ("headers_too_large", "The headers are too large", "Move long values into the body."),
    500: ("internal", "The server failed on this request", "Send it again later; the server's log has why."),
    501: ("not_implemented", "The server lacks what this asks for", "Send the body plain or chunked."),
}
"""Refusals that need no look into the request: status -> code, message, fix."""


def refusal(status: int) -> dict[str, str]:
    """Return the body for a status that says it all."""
    code, message, fix = PLAIN.get(status) or PLAIN[400 if status < 500 else 500]
    return {"code": code, "message": message, "fix": fix}


def answer_errors(app: Flask) -> None:
    """Make the app answer every exception as JSON."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        answer = jsonify(code=error.code, message=error.message, fix=error.fix)
        answer.status_code = error.status
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer

    @app.errorhandler(StoreBusy)
    def store_busy(_error: StoreBusy) -> Response:
        message = "The store cannot commit now; nothing was taken, send again"
        fix = f"Send the same request again after {RETRY_AFTER_SECONDS} seconds."
        return refused(Refused(503, "store_busy", message, fix, retry_after=RETRY_AFTER_SECONDS))

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        answer = jsonify(refusal(status))
        answer.status_code = status
        if allowed := getattr(error, "valid_methods", None):
            answer.headers["Allow"] = ", ".join(sorted(allowed))
        return answer

    @app.errorhandler(Exception)
    def internal(error: Exception) -> Response:
        log.error("http.failed", endpoint=request.endpoint, exception=traceback_of(error))
        answer = jsonify(refusal(500))
        answer.status_code = 500
        return answer
