"""One POST to an address that takes messages, and what its answer means where the vendor says no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from urllib3 import exceptions as transport

from connectors.channels import Closed, Lost, Outcome, Postponed, Rejected
from connectors.waits import retry_after

TIMEOUT = (5.0, 15.0)  # connect, read; seconds
LONGEST_WAIT = 600.0  # seconds of a Retry-After that are believed
LONGEST_SAID = 200  # characters of an answer that are kept

CLOSED = (401, 403, 404, 410)  # the address, the channel or the credentials: no other message gets through


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status."""

    status: int
    text: str
    wait: float | None  # Retry-After, in seconds

    @property
    def row(self) -> Mapping[str, Any]:
        """The body where it is a JSON object, else an empty one."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def said(self) -> str:
        """The answer in one line."""
        return f"{self.status}: {' '.join(self.text.split())[:LONGEST_SAID]}".removesuffix(": ")


def post(
    vendor: str, url: str, body: Mapping[str, Any], judge: Callable[[Answer], Outcome], token: str = ""
) -> Outcome:
    """Post once and let ``judge`` say what the answer means; no answer at all is ``Lost``.

    A session of its own: an idle connection that the other side has closed would make a lost answer of
    a message that was never sent.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    try:
        with requests.Session() as session:
            session.trust_env = False  # a .netrc entry would take the place of our token
            response = session.post(url, data=data, headers=headers, timeout=TIMEOUT, allow_redirects=False)
            answer = Answer(response.status_code, response.text, _wait(response.headers))
    except (OSError, transport.HTTPError) as error:  # requests' exceptions are OSErrors
        if _never_sent(error):
            return Postponed(f"{vendor} could not be reached: {type(error).__name__}")
        return Lost(f"{vendor} gave no answer: {type(error).__name__}")
    return judge(answer)


def usual(vendor: str, answer: Answer) -> Outcome:
    """What an answer that is no success means by its status alone."""
    said = f"{vendor} {answer.said}"
    if answer.status == 429:
        return Postponed(said, answer.wait)
    if answer.status in CLOSED:
        return Closed(said)
    if answer.status in (502, 504) or answer.status < 400:
        return Lost(said)  # whoever stands between may have passed it on
    if answer.status >= 500:
        return Postponed(said, answer.wait)
    return Rejected(said, f"HTTP_{answer.status}")


def _wait(headers: Mapping[str, str]) -> float | None:
    seconds = retry_after(headers)
    return None if seconds is None else min(seconds, LONGEST_WAIT)


def _never_sent(error: Exception) -> bool:
    """Whether no connection came about, so that nothing can have been taken."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, transport.MaxRetryError) else cause
    return isinstance(reason, transport.NewConnectionError | transport.ConnectTimeoutError)
