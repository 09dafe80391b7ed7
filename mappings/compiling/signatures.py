"""How a sender proves itself: whether the settings of ``auth`` fit each other."""

from __future__ import annotations

from mappings.compiling.scope import Scope
from mappings.loader import Document
from mappings.schema import Auth

_OF_HMAC = ("signed", "time_header", "time_key", "signature_key")


def check_proof(auth: Auth, document: Document, scope: Scope) -> None:
    """Note what a token in the body or a signed time lacks, and what stands where it has no effect."""

    def fault(setting: str, message: str, fix: str) -> None:
        scope.fault(document.place("auth", setting), message, fix)

    given = auth.model_fields_set
    if auth.field and (auth.header or auth.query):
        fault("field", "a token in the body comes in no header or query", "Keep one of them.")
    if auth.field and auth.kind != "token":
        fault("field", f"{auth.kind} has no field", "Write kind: token, or take this line out.")
    if auth.challenge != "none" and auth.kind != "hmac":
        fault(
            "challenge",
            f"{auth.kind} cannot answer a challenge",
            "Only a signed one is answered: kind: hmac.",
        )
    if (auth.challenge == "facebook") != bool(auth.verify_env):
        if auth.verify_env:
            fault("verify_env", f"a challenge of {auth.challenge} needs no such word", "Take this line out.")
        else:
            fix = "Name the variable that holds the Verify Token: verify_env: LEADRELAY_SOURCE_…_VERIFY."
            fault("challenge", "facebook sends a word to be compared", fix)
    if auth.kind != "hmac":
        for setting in _OF_HMAC:
            if setting in given:
                fault(setting, f"{auth.kind} has no {setting}", "Write kind: hmac, or take this line out.")
        return
    if auth.signed.count("{body}") != 1 or auth.signed.count("{time}") > 1:
        fault(
            "signed",
            "the body is signed once, and the time at most once",
            'Write for example "{time}.{body}".',
        )
    timed = bool(auth.time_header or auth.time_key)
    if timed != ("{time}" in auth.signed):
        if timed:
            setting = "time_header" if auth.time_header else "time_key"
            fault(
                setting, "the time is not signed, so anyone could change it", 'Write signed: "{time}.{body}".'
            )
        else:
            fault("signed", "nothing says where the time is", "Name its header: time_header: X-Timestamp.")
    if auth.time_header and auth.time_key:
        fault("time_key", "the time is in one place only", "Keep time_header or time_key.")
    if auth.time_key and not auth.signature_key:
        fault("time_key", "the signature has no name beside the time", "Write for example signature_key: v1.")
