"""One call to a provider of what is not known of a lead, and what its answer means by its status.

RFC 9110 says what the statuses are; People Data Labs ("Errors & Status Codes") and others answer 404 where
they know nothing of whom they are asked about, and 402 where nothing is left to spend.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import requests
from urllib3 import exceptions as transport

from connectors.waits import retry_after
from model.enrichment import LONGEST_ANSWER, Answered, Later, Outcome, Refused, Request, Unknown
from model.faults import without_people

CONNECT_TIMEOUT = 5.0  # seconds
LONGEST_SAID = 200  # characters of a refusal that are kept
USER_AGENT = "leadrelay"
BUSY = (408, 425, 429)  # asked too early or too often: the same question may be answered later


def ask(request: Request) -> Outcome:
    """Ask once; redirects are not followed, for a secret may be in the headers."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # a .netrc entry would take the place of our credentials
            with session.request(
                request.method,
                request.url,
                params=request.query,
                headers={"Accept": "application/json", "User-Agent": USER_AGENT} | dict(request.headers),
                json=request.body,
                data=request.form,
                timeout=(min(CONNECT_TIMEOUT, request.timeout), request.timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _judged(response, _body(response, time.monotonic() + request.timeout), request)
    except TimeoutError:
        return Later(f"no answer in {request.timeout:g} seconds")
    except ValueError as error:  # an address or a header that cannot be sent; some are OSErrors, too
        return Refused(f"cannot be asked: {type(error).__name__}")
    except (OSError, transport.HTTPError) as error:  # requests' exceptions are OSErrors
        return Later(f"no answer: {type(error).__name__}")


def _body(response: requests.Response, deadline: float) -> bytes:
    """Read what is read of an answer; raises ``TimeoutError`` where it only drips."""
    body = b""
    while len(body) <= LONGEST_ANSWER and (piece := response.raw.read1(65_536, decode_content=True)):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError
    return body


def _judged(response: requests.Response, body: bytes, request: Request) -> Outcome:
    status, wait = response.status_code, retry_after(response.headers)
    if status == 404:
        return Unknown()
    if status in BUSY:
        return Later(_said(status, body), wait, is_busy=status == 429)
    if status >= 500:
        return Later(_said(status, body), wait)
    if status != 200 and request.busy_codes.intersection(_codes(body)):
        return Later(_said(status, body), wait, is_busy=True)
    if status != 200:
        return Refused(_said(status, body))
    if len(body) > LONGEST_ANSWER:
        return Refused(f"an answer of more than {LONGEST_ANSWER:,} bytes")
    try:
        answer = json.loads(body)
    except RecursionError:
        return Refused("an answer that is nested too deep")
    except ValueError:
        return Later("an answer that is no JSON")
    return Answered(answer) if isinstance(answer, dict) else Refused("an answer that is no JSON object")


def _said(status: int, body: bytes) -> str:
    """Return the status with the type and code that the answer names; its words may hold whom it is about."""
    error = _error(body)
    said = [str(one) for one in (error.get("type"), error.get("code")) if isinstance(one, str | int) and one]
    return without_people(" ".join(dict.fromkeys((f"HTTP {status}", *said))))[:LONGEST_SAID]


def _codes(body: bytes) -> set[int]:
    code = _error(body).get("code")
    return {code} if isinstance(code, int) else set()


def _error(body: bytes) -> Mapping[str, Any]:
    """Return what an answer says went wrong; nothing where it does not."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    return error if isinstance(error, dict) else {}
