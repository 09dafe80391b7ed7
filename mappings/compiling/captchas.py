"""The captcha of a source: from the checked file to what intake, screening and the caller use."""

from __future__ import annotations

import re

from mappings.captchas import FIELDS
from mappings.compiling.scope import Scope
from mappings.loader import Document
from mappings.playbook import Captcha
from mappings.schema import CaptchaMap, SourceFile

_VARIABLE = re.compile(r"LEADRELAY_[A-Z0-9_]+")


def compile_captcha(
    entry: CaptchaMap | None, name: str, file: SourceFile, document: Document, scope: Scope
) -> Captcha | None:
    """Return how posts are checked; what is wrong is noted in the scope."""
    if entry is None:
        return None
    if not _VARIABLE.fullmatch(entry.secret_env):
        # The text is not repeated: it may be the secret itself.
        fix = "A secret never stands in the playbook; only the name of its variable does: LEADRELAY_…."
        at = document.value_place("captcha", "secret_env")
        scope.fault(at, "this is not the name of an environment variable of leadrelay's", fix)
    said = entry.model_fields_set
    if "least_score" in said and entry.kind != "recaptcha_v3":
        at = document.place("captcha", "least_score")
        scope.fault(at, f"{entry.kind} gives no score", "Take the line out, or write kind: recaptcha_v3.")
    if entry.action and entry.kind in ("hcaptcha", "recaptcha_v2"):
        at = document.place("captcha", "action")
        scope.fault(at, f"{entry.kind} knows no actions", "Take the line out.")
    field = entry.field or FIELDS[entry.kind]
    for lead_field, given in file.fields.items():
        if any(field in (*case.paths, *case.join) for case in (given, *given.cases)):
            at = document.value_place("fields", lead_field)
            scope.fault(at, "this is the captcha's token, which is not kept", "Take this line out.")
    return Captcha(
        source=name,
        kind=entry.kind,
        place=document.place("captcha"),
        secret_env=entry.secret_env,
        field=field,
        if_down=entry.if_down,
        least_score=entry.least_score,
        action=entry.action,
        hostnames=tuple(entry.hostnames),
    )
