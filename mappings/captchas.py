"""Captchas: what their providers are asked of a token, and what the answer means. Pure.

Sources: Cloudflare, "Validate the token" (Turnstile); Google, "Verifying the user's response" and "reCAPTCHA
v3"; hCaptcha, "Verify the User Response Server Side". All take a form with ``secret``, ``response`` and
``remoteip`` and answer ``success`` with ``error-codes``; a token is good for one check.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.playbook import CAPTCHA, Captcha, Playbook
from mappings.requesting import Secrets, moved_to
from model.enrichment import Request
from model.event import JsonValue

URLS = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "recaptcha_v2": "https://www.google.com/recaptcha/api/siteverify",
    "recaptcha_v3": "https://www.google.com/recaptcha/api/siteverify",
}
FIELDS = {
    "turnstile": "cf-turnstile-response",
    "hcaptcha": "h-captcha-response",
    "recaptcha_v2": "g-recaptcha-response",
    "recaptcha_v3": "g-recaptcha-response",
}
"""Where each one's widget puts its token."""

TIMEOUT = 10.0  # seconds
REFUSALS = frozenset(  # these say that the token is no good; any other code, that the question was not
    {
        "missing-input-response",
        "invalid-input-response",
        "invalid-or-already-seen-response",
        "already-seen-response",
        "expired-input-response",
        "timeout-or-duplicate",
    }
)
SEEN = frozenset({"invalid-or-already-seen-response", "already-seen-response", "timeout-or-duplicate"})
"""What is said of a token that was checked before: by ourselves, where an earlier answer was lost."""

PASSED, FAILED, DOWN = "passed", "failed", "down"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a token: ``PASSED``, ``FAILED``, or ``DOWN``, as nobody could say; and why."""

    verdict: str
    why: str = ""


def own_token(secret: str) -> str:
    """Return the token by which `leadrelay source test` proves itself: it takes the secret to make it."""
    made = hmac.new(secret.encode(), b"leadrelay source test", "sha256").hexdigest()
    return f"leadrelay-test.{made}"


def is_own(token: JsonValue, secret: str) -> bool:
    """Say whether a token is our own, which no provider is asked about."""
    return hmac.compare_digest(str(token).encode("utf-8", "replace"), own_token(secret).encode())


def captcha_named(name: str, playbook: Playbook) -> Captcha | None:
    """Return the captcha that is asked by this name; ``None`` where its source has none any more."""
    source = playbook.sources.get(name.removeprefix(CAPTCHA))
    return source.captcha if source is not None else None


def request_of(
    captcha: Captcha, told: Mapping[str, JsonValue], key: str, secrets: Secrets, base: str
) -> Request:
    """Return the call; raises what ``secrets`` raises. ``key`` is the question's own."""
    form = {"secret": secrets(captcha.secret_env), "response": str(told.get("token") or "")}
    if ip := told.get("ip"):
        form["remoteip"] = str(ip)
    if captcha.kind == "turnstile":
        form["idempotency_key"] = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
    url = URLS[captcha.kind]
    return Request("POST", moved_to(url, base) if base else url, form=form, timeout=TIMEOUT)


def checked(captcha: Captcha, answer: Mapping[str, Any], calls: int) -> Checked:
    """Return what an answer means; ``calls`` were made for the token, this one included."""
    if answer.get("success") is not True:
        return _refused(_codes(answer), calls)
    if captcha.hostnames and answer.get("hostname") not in captcha.hostnames:
        return Checked(FAILED, "it was solved on another site")
    if captcha.action and answer.get("action") != captcha.action:
        return Checked(FAILED, f"it is not for the action {captcha.action}")
    if captcha.kind == "recaptcha_v3":
        score = answer.get("score")
        if not isinstance(score, int | float):
            return Checked(DOWN, "the answer has no score: its secret may be one of reCAPTCHA v2")
        if score < captcha.least_score:
            return Checked(FAILED, f"score {score:g} is below {captcha.least_score:g}")
        return Checked(PASSED, f"score {score:g}")
    return Checked(PASSED)


def _refused(codes: Collection[str], calls: int) -> Checked:
    said = ", ".join(sorted(codes)) or "no reason given"
    if calls > 1 and SEEN & set(codes):
        return Checked(DOWN, f"an earlier answer was lost, and a token is checked once ({said})")
    if codes and set(codes) <= REFUSALS:
        return Checked(FAILED, said)
    return Checked(DOWN, said)


def _codes(answer: Mapping[str, Any]) -> list[str]:
    codes = answer.get("error-codes")
    return [str(code)[:80] for code in codes[:5]] if isinstance(codes, list) else []
