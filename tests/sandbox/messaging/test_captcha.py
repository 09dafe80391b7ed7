"""siteverify of the three: tokens of a widget, once and in time, and the vendors' own test keys."""

from __future__ import annotations

from typing import Any

import pytest

PATHS = {
    "recaptcha": "/recaptcha/api/siteverify",
    "hcaptcha": "/siteverify",
    "turnstile": "/turnstile/v0/siteverify",
}
SECRET = "sandbox-captcha-secret"


def verify(office, provider: str, **form: Any) -> dict[str, Any]:
    answer = office.send(PATHS[provider], data=form)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def codes(office, provider: str, **form: Any) -> list[str]:
    told = verify(office, provider, **form)
    assert told["success"] is False
    found: list[str] = told["error-codes"]
    return found


@pytest.mark.parametrize("provider", PATHS)
def test_a_token_passes_once(office, provider):
    office.freeze()
    token = office.post("captcha", provider=provider, action="demo")["token"]
    told = verify(office, provider, secret=SECRET, response=token)
    assert (told["success"], told["hostname"]) == (True, "www.northlight.example")
    assert told["challenge_ts"].startswith("2026-11-21T09:00:00")
    again = "already-seen-response" if provider == "hcaptcha" else "timeout-or-duplicate"
    assert codes(office, provider, secret=SECRET, response=token) == [again]


@pytest.mark.parametrize(("provider", "seconds"), [("recaptcha", 120), ("hcaptcha", 120), ("turnstile", 300)])
def test_a_token_grows_old(office, provider, seconds):
    office.freeze()
    in_time, late = (office.post("captcha", provider=provider)["token"] for _ in range(2))
    office.post("clock", advance=seconds)
    assert verify(office, provider, secret=SECRET, response=in_time)["success"] is True
    office.post("clock", advance=1)
    expired = "expired-input-response" if provider == "hcaptcha" else "timeout-or-duplicate"
    assert codes(office, provider, secret=SECRET, response=late) == [expired]


@pytest.mark.parametrize("provider", PATHS)
def test_what_is_missing_or_wrong_is_named(office, provider):
    other = office.post("captcha", provider="turnstile" if provider == "recaptcha" else "recaptcha")["token"]
    assert codes(office, provider) == ["missing-input-secret"]
    assert codes(office, provider, secret="wrong", response="x") == ["invalid-input-secret"]
    assert codes(office, provider, secret=SECRET) == ["missing-input-response"]
    assert codes(office, provider, secret=SECRET, response=other) == ["invalid-input-response"]


def test_version_3_tells_score_and_action_and_version_2_does_not(office):
    scored = office.post("captcha", provider="recaptcha", score=0.3, action="demo")["token"]
    told = verify(office, "recaptcha", secret=SECRET, response=scored)
    assert (told["success"], told["score"], told["action"]) == (True, 0.3, "demo")
    plain = verify(office, "recaptcha", secret=SECRET, response=office.post("captcha")["token"])
    assert set(plain) == {"success", "challenge_ts", "hostname"}


def test_turnstile_takes_json_and_answers_an_idempotency_key_again(office):
    token = office.post("captcha", provider="turnstile", action="demo")["token"]
    body = {"secret": SECRET, "response": token, "idempotency_key": "5f0c"}
    first, again = (office.send(PATHS["turnstile"], json=body).json() for _ in range(2))
    assert first == again
    assert (first["success"], first["action"], first["error-codes"]) == (True, "demo", [])
    other = office.send(PATHS["turnstile"], json=body | {"idempotency_key": "77aa"}).json()
    assert other["error-codes"] == ["timeout-or-duplicate"]
    broken = office.send(PATHS["turnstile"], data="{", headers={"Content-Type": "application/json"})
    assert broken.json()["error-codes"] == ["bad-request"]


def test_hcaptcha_takes_no_json(office):
    token = office.post("captcha", provider="hcaptcha")["token"]
    told = office.send(PATHS["hcaptcha"], json={"secret": SECRET, "response": token}).json()
    assert told["error-codes"] == ["missing-input-secret"]


def test_the_vendors_own_test_keys(office):
    told = verify(office, "recaptcha", secret="6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe", response="anything")
    assert (told["success"], told["hostname"]) == (True, "testkey.google.com")
    zero, dummy = "0x" + "0" * 40, "10000000-aaaa-bbbb-cccc-000000000001"
    assert verify(office, "hcaptcha", secret=zero, response=dummy)["success"] is True
    assert codes(office, "hcaptcha", secret=zero, response="other") == ["not-using-dummy-passcode"]
    assert codes(office, "hcaptcha", secret=SECRET, response=dummy) == ["not-using-dummy-secret"]
    keys = {number: f"{number}x0000000000000000000000000000000AA" for number in (1, 2, 3)}
    token = "XXXX.DUMMY.TOKEN.XXXX"
    assert verify(office, "turnstile", secret=keys[1], response=token)["success"] is True
    assert codes(office, "turnstile", secret=keys[2], response=token) == ["invalid-input-response"]
    assert codes(office, "turnstile", secret=keys[3], response=token) == ["timeout-or-duplicate"]
    assert codes(office, "turnstile", secret=keys[1], response="real") == ["invalid-input-response"]
    assert codes(office, "turnstile", secret=SECRET, response=token) == ["invalid-input-response"]
