"""Providers: from the checked file to what the handler asks for, the caller sends and the decider reads."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from mappings.compiling.scope import Scope
from mappings.compiling.sources import field_rules
from mappings.compiling.validation import Checked
from mappings.loader import Document, Path_
from mappings.paths import fault_of
from mappings.playbook import CAPTCHA, Enrichment, FieldRule, Provider, Source, SourceAuth, Spend
from mappings.problems import did_you_mean
from mappings.requesting import Secret, Slot, Words, parse, pieces_of
from mappings.schema import EnrichmentFile, PipelineFile, ProviderMap
from mappings.templates import BadTemplate
from mappings.values.durations import duration
from model.consent import CONSENT_TEXT
from model.decision import Place
from model.event import JsonValue
from model.lead import OPT_OUT

LONGEST_TIMEOUT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)
NOT_THEIRS = {
    "email": "it is by the address that the person is known",
    OPT_OUT: "nobody but the person says that",
}
"""Lead fields that no provider may set, and why."""


def compile_enrichment(checked: Checked[EnrichmentFile], scope: Scope) -> Enrichment:
    """Return the providers; what they name wrongly is noted in the scope."""
    found: dict[str, Provider] = {}
    for n, entry in enumerate(checked.model.providers):
        if entry.name in found:
            fix = "What is spent is counted by the name: give this one another."
            at = checked.document.value_place("providers", n, "name")
            scope.fault(at, f'there are two providers called "{entry.name}"', fix)
            continue
        if f"{entry.name}:" == CAPTCHA:
            at = checked.document.value_place("providers", n, "name")
            scope.fault(at, "captchas are asked under this name", "Give the provider another one.")
        found[entry.name] = _One(entry, ("providers", n), checked.document, scope).provider()
    return Enrichment(found)


def check_order(pipeline: Checked[PipelineFile], scope: Scope) -> None:
    """Note a pipeline that asks nobody, or before it is known what to ask."""
    names, document = pipeline.model.handlers, pipeline.document
    if "enrich" not in names:
        fix = "Add enrich to handlers in pipeline.yaml, in front of score."
        scope.fault(document.place("handlers"), "enrichment.yaml has providers, and no rule asks them", fix)
        return
    at = document.value_place("handlers", names.index("enrich"))
    for name in ("identify", "absorb", "facts"):
        if name in names and names.index(name) > names.index("enrich"):
            scope.fault(at, f'"enrich" asks by what "{name}" finds out', f"Put it behind {name}.")
            return


class _One:
    """One provider of the file."""

    def __init__(self, entry: ProviderMap, path: Path_, document: Document, scope: Scope) -> None:
        self.entry, self.path, self.document, self.scope = entry, path, document, scope

    def provider(self) -> Provider:
        """Return it; every fault is noted."""
        entry, place = self.entry, self.document.place(*self.path)
        url = self._url()
        headers, query = self._named("headers", entry.headers), self._named("query", entry.query)
        body = self._body(entry.body, "body") if entry.body is not None else None
        if entry.body is not None and entry.method != "POST":
            at = self.document.place(*self.path, "body")
            self.scope.fault(at, "nothing is posted by GET", "Write method: POST, or take body: out.")
        pieces = [*url, *pieces_of(headers), *pieces_of(query), *pieces_of(body)]
        slots = [piece for piece in pieces if isinstance(piece, Slot)]
        if not slots:
            self.scope.fault(
                place, "this asks about nobody", "Name a lead field in url, query or body: {email}."
            )
        rules = tuple(self._rules())
        paths = tuple(sorted({path for rule in rules for path in (*rule.paths, *rule.when)}))
        spend = self._spend()
        asked = json.dumps([entry.url, entry.method, entry.query, entry.body, paths], sort_keys=True)
        return Provider(
            name=entry.name,
            place=place,
            url=url,
            reader=Source(entry.name, place, SourceAuth("none", place), rules, region=entry.region),
            spend=spend,
            method=entry.method,
            headers=headers,
            query=query,
            body=body,
            timeout=self._timeout(),
            when=self.scope.condition(self.document, entry.when, *self.path, "when")
            if entry.when is not None
            else None,
            cache=duration(entry.cache),
            at_cap=entry.at_cap,
            on_failure=entry.on_failure,
            wait_for=self._wait_for(),
            asks_for=tuple(sorted({slot.name for slot in slots})),
            needs=frozenset(slot.name for slot in slots if slot.otherwise is None),
            paths=paths,
            secrets=tuple(dict.fromkeys(piece.name for piece in pieces if isinstance(piece, Secret))),
            mark=hashlib.sha256(asked.encode()).hexdigest()[:16],
        )

    def _named(self, group: str, texts: Mapping[str, str]) -> dict[str, Words]:
        """Return headers or parameters; one that is called like a secret must be a variable."""
        found = {}
        for name, text in texts.items():
            words = found[name] = self._words(text, group, name)
            if _SECRET_NAME.search(name) and not any(isinstance(piece, Secret) for piece in words):
                self.scope.fault(self._at(group, name), "a secret never stands in the playbook", _SECRETS)
        return found

    def _at(self, *more: str | int) -> Place:
        return self.document.value_place(*self.path, *more)

    def _words(self, text: str, *more: str | int) -> Words:
        try:
            return parse(text, self.scope.field_names)
        except BadTemplate as error:
            if not error.name or "fields" not in self.scope.unread:
                fix = did_you_mean(error.name, self.scope.field_names) if error.name else ""
                self.scope.fault(self._at(*more), str(error), fix)
            return (text,)

    def _url(self) -> Words:
        url = self._words(self.entry.url, "url")
        first = url[0] if url and isinstance(url[0], str) else ""
        parts = urlsplit(first)
        is_whole = len(url) == 1 or any(sign in first[len(f"{parts.scheme}://") :] for sign in "/?")
        if parts.scheme not in ("http", "https") or not parts.hostname or not is_whole:
            fix = "Write for example https://api.example.com/companies/{email_domain}."
            message = "this does not begin with the address of a host, up to the / behind it"
            self.scope.fault(self._at("url"), message, fix)
        elif parts.username or parts.password:
            self.scope.fault(self._at("url"), "a secret never stands in the playbook", _SECRETS)
        return url

    def _body(self, body: JsonValue, *more: str | int) -> JsonValue:
        if isinstance(body, str):
            return self._words(body, *more)
        if isinstance(body, dict):
            return {name: self._body(inner, *more, name) for name, inner in body.items()}
        if isinstance(body, list):
            return [self._body(inner, *more, n) for n, inner in enumerate(body)]
        return body

    def _rules(self) -> Iterator[FieldRule]:
        for field, entry in self.entry.fields.items():
            at = self.document.place(*self.path, "fields", field)
            if why := NOT_THEIRS.get(field) or self._is_consent(field):
                self.scope.fault(at, f'a provider cannot set "{field}": {why}', "Take this line out.")
                continue
            if field.startswith("record."):
                self.scope.fault(at, "a provider knows no records of a CRM", "Take this line out.")
                continue
            for rule in field_rules(field, entry, self.document, self.scope, self.entry.region, self.path):
                for path in (*rule.paths, *rule.when):
                    if fault := fault_of(path):
                        self.scope.fault(rule.place, f'"{path}" {fault}', _PATHS)
                yield rule

    def _is_consent(self, field: str) -> str:
        is_one = field == CONSENT_TEXT or field.startswith("consent_")
        return "nobody but the person says that" if is_one else ""

    def _spend(self) -> Spend:
        spend = self.entry.spend
        if spend.per_day is None and spend.per_month is None:
            fix = "Write for example per_day: 500; what a call costs is cost:."
            self.scope.fault(self.document.place(*self.path, "spend"), "nothing bounds what is spent", fix)
        millionths = round((spend.cost or 0) * 1_000_000)
        return Spend(spend.per_day, spend.per_month, millionths, spend.currency if spend.cost else "")

    def _timeout(self) -> float:
        timeout = duration(self.entry.timeout)
        if not timedelta(0) < timeout <= LONGEST_TIMEOUT:
            self.scope.fault(self._at("timeout"), "an answer may take 1s to 60s", "Write for example 10s.")
        return timeout.total_seconds()

    def _wait_for(self) -> timedelta | None:
        if self.entry.wait_for is None:
            return None
        wait = duration(self.entry.wait_for)
        if not timedelta(0) < wait <= LONGEST_WAIT:
            fix = "Write for example 20s, or take the line out."
            self.scope.fault(self._at("wait_for"), "a lead may wait 1s to 1h for an answer", fix)
        return wait


_SECRET_NAME = re.compile(r"authorization|token|secret|password|api[-_]?key", re.IGNORECASE)
_SECRETS = "Put it into a variable: ${LEADRELAY_PROVIDER_ACME_KEY}."
_PATHS = "Write for example emails[type=work].address: the list, what chooses the entry, what is taken of it."
