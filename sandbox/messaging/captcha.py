"""Whether a form was sent by a person: siteverify of reCAPTCHA, hCaptcha and Cloudflare Turnstile.

Sources: Google, "Verifying the user's response" and "reCAPTCHA v3"; Cloudflare, "Server-side validation" and
"Test your Turnstile implementation"; hCaptcha's codes and test keys as its client libraries have them. A test
mints tokens at /__sandbox/captcha, as a widget would; the vendors' own test secrets work too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.messaging.shapes import captcha_error
from sandbox.reading import sent_json

if TYPE_CHECKING:
    from sandbox.messaging.service import Messaging

SECRET = "sandbox-captcha-secret"
LIVES = {  # how long a token may wait for its check
    "recaptcha": timedelta(minutes=2),
    "hcaptcha": timedelta(minutes=2),
    "turnstile": timedelta(minutes=5),
}
RECAPTCHA_TEST_SECRET = "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe"  # every token passes
HCAPTCHA_TEST_SECRET = "0x0000000000000000000000000000000000000000"
HCAPTCHA_TEST_TOKENS = (
    "10000000-aaaa-bbbb-cccc-000000000001",
    "20000000-aaaa-bbbb-cccc-000000000002",
    "30000000-aaaa-bbbb-cccc-000000000003",
)
TURNSTILE_TEST_TOKEN = "XXXX.DUMMY.TOKEN.XXXX"
TURNSTILE_TEST_SECRETS: Mapping[str, str | None] = {  # the error it brings, none for the one that passes
    "1x0000000000000000000000000000000AA": None,
    "2x0000000000000000000000000000000AA": "invalid-input-response",
    "3x0000000000000000000000000000000AA": "timeout-or-duplicate",
}


@dataclass(slots=True)
class Token:
    """What a widget gave to one visitor. It is checked once."""

    provider: str
    text: str
    at: datetime
    hostname: str
    action: str | None
    score: float | None  # of reCAPTCHA v3; v2 has none
    spent_on: str | None = None  # the idempotency key of the check that took it, "" for a check without one


class Tokens:
    """The tokens that were minted. Callers hold the vendor's lock."""

    def __init__(self) -> None:
        self._by_text: dict[tuple[str, str], Token] = {}

    def mint(
        self, provider: str, *, at: datetime, hostname: str, action: str | None, score: float | None
    ) -> Token:
        """Give a token to a visitor who passed."""
        token = Token(provider, f"sandbox-{provider}-{len(self._by_text) + 1}", at, hostname, action, score)
        self._by_text[provider, token.text] = token
        return token

    def find(self, provider: str, text: str) -> Token | None:
        """The token of that text, spent or not."""
        return self._by_text.get((provider, text))


def add_to(api: Blueprint, service: Messaging) -> None:
    """Add the three endpoints."""

    @api.route("/recaptcha/api/siteverify", methods=["GET", "POST"])
    def recaptcha() -> Response:
        """Check a token of reCAPTCHA v2 or v3; of v3 with score and action."""
        sent = dict(request.values)
        if sent.get("secret") == RECAPTCHA_TEST_SECRET and sent.get("response"):
            return answer(
                {"success": True, "challenge_ts": _second(service.now()), "hostname": "testkey.google.com"}
            )
        return _verify(service, "recaptcha", sent)

    @api.post("/siteverify")
    def hcaptcha() -> Response:
        """Check a token of hCaptcha; a form only, as it takes no JSON."""
        sent = dict(request.form)
        is_test = sent.get("response") in HCAPTCHA_TEST_TOKENS
        if sent.get("secret") == HCAPTCHA_TEST_SECRET and sent.get("response"):
            if not is_test:
                return captcha_error("not-using-dummy-passcode")
            return answer(
                {
                    "success": True,
                    "challenge_ts": _second(service.now()),
                    "hostname": "dummy-key-pass",
                    "credit": False,
                }
            )
        if is_test and sent.get("secret") == SECRET:
            return captcha_error("not-using-dummy-secret")
        return _verify(service, "hcaptcha", sent)

    @api.post("/turnstile/v0/siteverify")
    def turnstile() -> Response:
        """Check a token of Turnstile, sent as a form or as JSON."""
        sent = _form_or_json()
        if sent is None:
            return captcha_error("bad-request")
        if sent.get("secret") in TURNSTILE_TEST_SECRETS and sent.get("response"):
            is_dummy = sent["response"] == TURNSTILE_TEST_TOKEN  # a test secret takes no other
            code = TURNSTILE_TEST_SECRETS[sent["secret"]] if is_dummy else "invalid-input-response"
            return captcha_error(code) if code else answer(_turnstile_pass(service.now()))
        return _verify(service, "turnstile", sent)


def _verify(service: Messaging, provider: str, sent: Mapping[str, str]) -> Response:
    if not sent.get("secret"):
        return captcha_error("missing-input-secret")
    if sent["secret"] != SECRET:
        return captcha_error("invalid-input-secret")
    if not sent.get("response"):
        return captcha_error("missing-input-response")
    with service.lock:
        token = service.captchas.find(provider, sent["response"])
        if token is None:
            return captcha_error("invalid-input-response")
        code = _spend(token, service.now(), sent.get("idempotency_key", ""))
    return captcha_error(code) if code else answer(_passed(token))


def _spend(token: Token, at: datetime, key: str) -> str | None:
    """Take a token, or say by which code it is refused. Turnstile answers the same idempotency key again."""
    is_hcaptcha = token.provider == "hcaptcha"
    if token.spent_on is not None and not (token.provider == "turnstile" and key and key == token.spent_on):
        return "already-seen-response" if is_hcaptcha else "timeout-or-duplicate"
    if at - token.at > LIVES[token.provider]:
        return "expired-input-response" if is_hcaptcha else "timeout-or-duplicate"
    token.spent_on = key
    return None


def _passed(token: Token) -> dict[str, Any]:
    told: dict[str, Any] = {"success": True, "challenge_ts": _second(token.at), "hostname": token.hostname}
    if token.provider == "hcaptcha":
        return told | {"credit": False}
    if token.provider == "turnstile":
        return _turnstile_pass(token.at) | {
            "hostname": token.hostname,
            "action": token.action or "",
            "cdata": "",
        }
    return told if token.score is None else told | {"score": token.score, "action": token.action or ""}


def _turnstile_pass(at: datetime) -> dict[str, Any]:
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "success": True,
        "error-codes": [],
        "challenge_ts": moment,
        "hostname": "localhost",
        "action": "test",
        "cdata": "test-data",
    }


def _second(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _form_or_json() -> dict[str, str] | None:
    if not request.is_json:
        return dict(request.form)
    body = sent_json()
    return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else None
