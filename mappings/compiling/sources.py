"""Sources: from the checked file to what intake and reading use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import phonenumbers

from mappings.compiling.captchas import compile_captcha
from mappings.compiling.fields import FieldCase
from mappings.compiling.lead_ads import compile_lead_ads
from mappings.compiling.paths import check_paths
from mappings.compiling.scope import Scope
from mappings.compiling.signatures import check_proof
from mappings.compiling.validation import Checked
from mappings.loader import Document, Path_
from mappings.playbook import ActivityRule, FieldRule, Required, Source, SourceAuth
from mappings.presets import variable
from mappings.schema import Auth, FieldMap, SourceFile
from mappings.values.durations import duration
from model.decision import Place
from model.lead import DECIDED_FIELDS, TOUCH_FIELDS

SETTABLE_TOUCH_FIELDS = [name for name in TOUCH_FIELDS if name != "at"]
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_ORIGIN = re.compile(r"https?://[^/\s]+")


def compile_source(checked: Checked[SourceFile], name: str, scope: Scope) -> Source:
    """Return the source; what it names wrongly is noted in the scope."""
    file, document = checked.model, checked.document
    _check_plain_settings(file, document, scope)
    check_paths(checked, scope)
    return Source(
        name=name,
        place=document.place("name"),
        auth=_auth(file.auth, name, document, scope),
        fields=tuple(
            rule
            for field, entry in file.fields.items()
            for rule in field_rules(field, entry, document, scope, file.region)
        ),
        required=_required(checked, scope),
        activities=tuple(
            ActivityRule(
                kind=entry.kind,
                place=document.place("activities", n),
                detail_path=entry.detail,
                when={path: tuple(values) for path, values in entry.when.items()},
            )
            for n, entry in enumerate(file.activities)
        ),
        fill_time_path=file.fill_time.field if file.fill_time else "",
        least_fill_time=duration(file.fill_time.at_least) if file.fill_time else timedelta(0),
        captcha=compile_captcha(file.captcha, name, file, document, scope),
        lead_ads=compile_lead_ads(file, name, document, scope),
        honeypot=tuple(file.honeypot),
        cors=tuple(origin.rstrip("/") for origin in file.cors),
        redirect=file.redirect,
        id_header=file.event_id.header,
        id_path=file.event_id.path,
        occurred_at_path=file.occurred_at,
        json_fields=dict(file.json_fields),
        success_status=file.success_status,
        dedupe_window=duration(file.dedupe_window),
        max_bytes=file.max_bytes,
        max_depth=file.max_depth,
        max_fields=file.max_fields,
        region=file.region,
        unit=file.unit,
        touch_paths={field: tuple(entry.paths) for field, entry in file.touch.items() if entry.paths},
        places=_places(file, document),
        touch_constants={field: entry.value for field, entry in file.touch.items() if entry.value},
    )


def _places(file: SourceFile, document: Document) -> dict[str, Place]:
    """Return where the lines stand that are neither fields nor activities."""
    others = {name: document.place(name) for name in ("event_id", "occurred_at")}
    return {f"touch.{name}": document.place("touch", name) for name in file.touch} | others


def _check_plain_settings(file: SourceFile, document: Document, scope: Scope) -> None:
    if file.region not in phonenumbers.SUPPORTED_REGIONS:
        scope.fault(
            document.value_place("region"), f'"{file.region}" is not a country', "Write for example DE."
        )
    for n, origin in enumerate(file.cors):
        if origin != "*" and not _ORIGIN.fullmatch(origin.rstrip("/")):
            message = f'"{origin}" is not an origin'
            scope.fault(
                document.value_place("cors", n), message, "Write for example https://www.example.com."
            )
    if file.redirect is not None and not re.match(r"https?://[^/\s]|/", file.redirect):
        message = f'"{file.redirect}" is not a web address'
        scope.fault(
            document.value_place("redirect"), message, "Write for example https://example.com/thanks."
        )
    for field in file.touch:
        scope.knows(document.place("touch", field), "touch field", field, SETTABLE_TOUCH_FIELDS)


def _auth(auth: Auth, source: str, document: Document, scope: Scope) -> SourceAuth:
    at = document.place("auth")
    if auth.kind != "none" and not auth.secret_env:
        fix = f"Name the environment variable that holds the secret: {variable(source)}SECRET."
        scope.fault(at, f'"secret_env" is missing here; {auth.kind} needs it', fix)
    if auth.secret_env and not _VARIABLE.fullmatch(auth.secret_env):
        # The text is not repeated: it may be the secret itself.
        name = f"{variable(source)}SECRET"
        fix = f"A secret never stands in the playbook; only the name of its variable does: {name}."
        scope.fault(
            document.value_place("auth", "secret_env"), "this is not the name of an environment variable", fix
        )
    if auth.kind == "token" and not (auth.header or auth.query or auth.field):
        scope.fault(at, "a token needs a header or a query parameter", "Write for example header: X-Api-Key.")
    if auth.kind == "hmac" and not auth.header:
        scope.fault(at, '"header" is missing here; hmac needs it', "Write for example header: X-Signature.")
    check_proof(auth, document, scope)
    return SourceAuth(
        kind=auth.kind,
        place=at,
        secret_env=auth.secret_env,
        header=auth.header,
        query=auth.query,
        algorithm=auth.algorithm,
        encoding=auth.encoding,
        prefix=auth.prefix,
        tolerance=duration(auth.tolerance),
        field=auth.field,
        signed=auth.signed,
        time_header=auth.time_header,
        time_key=auth.time_key,
        signature_key=auth.signature_key,
        challenge=auth.challenge,
        verify_env=auth.verify_env,
    )


def field_rules(
    field: str, entry: FieldMap, document: Document, scope: Scope, region: str, within: Path_ = ()
) -> list[FieldRule]:
    """Return the rules of one lead field, one a case; what is wrong with it is noted.

    ``within`` says where in the file the ``fields`` stand.
    """
    path: Path_ = (*within, "fields", field)
    at = document.place(*path)
    if field.startswith("record."):
        if not _knows_record(field, document, scope):
            return []
    elif field.partition(".")[0] in DECIDED_FIELDS:
        fix = "Set touch: for where a lead came from." if "touch" in field else "Take this line out."
        scope.fault(at, f'"{field}" is decided by leadrelay; a source cannot set it', fix)
        return []
    elif field in scope.confirmed:
        fix = "Take this line out: the person's mailbox says it, or a CRM."
        scope.fault(at, f'"{field}" is what no form can say', fix)
        return []
    elif field in SourceFile.model_fields and field not in scope.fields:
        fix = "It is a setting of the source: begin its line in the first column."
        scope.fault(at, f'"{field}" does not belong under fields', fix)
        return []
    elif not scope.knows_field(at, field):
        return []
    kind = scope.fields.get(field, str)
    if not entry.cases:
        one = FieldCase(field, kind, entry, path, document, scope, region)
        return [rule for rule in (one.rule(),) if rule is not None]
    if entry.model_fields_set - {"cases"}:
        scope.fault(at, f'"{field}" has cases, and settings beside them', "Put them into the cases.")
    outer: Path_ = (*path, "cases")
    outer = outer if outer in document.values else outer[:-1]
    found = []
    for n, case in enumerate(entry.cases):
        if n + 1 < len(entry.cases) and not case.when:
            fix = "Give it a when, or put it last."
            scope.fault(document.place(*outer, n), "the cases behind this one are never reached", fix)
        rule = FieldCase(field, kind, case, (*outer, n), document, scope, region).rule()
        found += [rule] if rule is not None else []
    return found


def _knows_record(field: str, document: Document, scope: Scope) -> bool:
    """Check ``record.<connection>.<object>``."""
    at = document.place("fields", field)
    _, connection, object_name = [*field.split(".", 2), "", ""][:3]
    return scope.knows(at, "connection", connection, list(scope.objects)) and scope.knows(
        at, f"{connection} object", object_name, list(scope.objects.get(connection, ()))
    )


def _required(checked: Checked[SourceFile], scope: Scope) -> tuple[Required, ...]:
    document, mapped = checked.document, checked.model.fields
    found = []
    for n, entry in enumerate(checked.model.required):
        at = document.value_place("required", n)
        for name in entry.any_of:
            if scope.knows_field(at, name) and document.sound and name not in mapped:
                fix = f'Add "{name}" under fields:, or take it out here.'
                scope.fault(at, f'"{name}" is required but no field of the sender is mapped to it', fix)
        found.append(Required(tuple(entry.any_of), at))
    return tuple(found)


def activities_of(sources: Mapping[str, Document]) -> set[str]:
    """Return every activity that some source brings, as the files declare them."""
    found = set()
    for document in sources.values():
        data = document.data if isinstance(document.data, dict) else {}
        entries = data.get("activities")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("kind"), str):
                found.add(entry["kind"])
    return found
