"""Lead ads of a source: from the checked file to what the receiver and the asking of leads use."""

from __future__ import annotations

import re

from mappings.compiling.scope import Scope
from mappings.lead_ads import VERSIONS
from mappings.loader import Document
from mappings.playbook import LeadAds
from mappings.schema import SourceFile

_VARIABLE = re.compile(r"LEADRELAY_[A-Z0-9_]+")
_VERSIONS = {"facebook": re.compile(r"v\d{1,3}\.\d"), "linkedin": re.compile(r"20\d{4}")}


def compile_lead_ads(file: SourceFile, name: str, document: Document, scope: Scope) -> LeadAds | None:
    """Return how leads are read; what is wrong is noted in the scope."""
    entry = file.lead_ads
    if entry is None:
        return None
    if not _VARIABLE.fullmatch(entry.secret_env):
        # The text is not repeated: it may be the token itself.
        fix = "A token never stands in the playbook; only the name of its variable does: LEADRELAY_…."
        at = document.value_place("lead_ads", "secret_env")
        scope.fault(at, "this is not the name of an environment variable of leadrelay's", fix)
    if entry.version and not _VERSIONS[entry.kind].fullmatch(entry.version):
        at = document.value_place("lead_ads", "version")
        fix = f"Write it as its vendor does: {VERSIONS[entry.kind]}."
        scope.fault(at, f'"{entry.version}" is no version of the API of {entry.kind}', fix)
    if entry.fields and entry.kind != "facebook":
        fix = "Take the line out."
        scope.fault(document.place("lead_ads", "fields"), f"{entry.kind} has no such fields", fix)
    if file.auth.kind != "hmac":
        fix = "Write kind: hmac, with the secret of your app."
        scope.fault(document.place("auth"), f"{entry.kind} signs what it posts", fix)
    for setting in ("captcha", "event_id"):
        if setting in file.model_fields_set:
            fix = "Take it out: the number of the lead counts, and no form of yours is filled in."
            scope.fault(document.place(setting), f"{setting} means nothing beside lead_ads", fix)
    return LeadAds(
        source=name,
        kind=entry.kind,
        place=document.place("lead_ads"),
        secret_env=entry.secret_env,
        version=entry.version or VERSIONS[entry.kind],
        fields=tuple(entry.fields),
    )
