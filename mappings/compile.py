"""The playbook folder as one checked, immutable whole: the only way from YAML to the rest of the house."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

from mappings import loader
from mappings.compiling import accounts as compile_accounts
from mappings.compiling import bands as compile_bands
from mappings.compiling import consent as compile_consent
from mappings.compiling import crms as compile_crms
from mappings.compiling import deals as compile_deals
from mappings.compiling import enrichment as compile_enrichment
from mappings.compiling import icp as compile_icp
from mappings.compiling import lifecycle as compile_lifecycle
from mappings.compiling import matching as compile_matching
from mappings.compiling import messages as compile_messages
from mappings.compiling import pipeline as compile_pipeline
from mappings.compiling import privacy as compile_privacy
from mappings.compiling import retention as compile_retention
from mappings.compiling import routing as compile_routing
from mappings.compiling import scoring as compile_scoring
from mappings.compiling import screening as compile_screening
from mappings.compiling import sources as compile_sources
from mappings.compiling.authority import check_authorities
from mappings.compiling.scope import Scope, declared
from mappings.compiling.validation import Checked, validated
from mappings.loader import Document
from mappings.playbook import (
    Accounts,
    Consent,
    CrmMap,
    Enrichment,
    FollowUp,
    Lifecycle,
    Matching,
    Notifications,
    Playbook,
    Routing,
    Scoring,
    Screening,
    Source,
)
from mappings.problems import PlaybookError, Problem, did_you_mean
from mappings.schema import (
    FIELD_NAME,
    KINDS,
    LONGEST_NAME,
    AccountsFile,
    ConsentFile,
    CrmFile,
    DealsFile,
    EnrichmentFile,
    ExtraField,
    FieldsFile,
    FollowUpFile,
    IcpFile,
    LifecycleFile,
    MatchingFile,
    MatchWeightsFile,
    NotificationsFile,
    PipelineFile,
    PrivacyFile,
    RetentionFile,
    RoutingFile,
    ScoringFile,
    ScreeningFile,
    SourceFile,
    Strict,
)
from model.decision import Place
from model.enrichment import source_of
from model.lead import LEAD_FIELDS, MATCHER, PERSON, RULE

DEFAULT_HANDLERS = (
    "screen",
    "identify",
    "absorb",
    "attribute",
    "deals",
    "facts",
    "enrich",
    "icp",
    "score",
    "qualify",
    "assign",
    "account",
    "follow_up",
    "notify",
    "writeback",
)

SINGLE_FILES = (
    "accounts",
    "consent",
    "deals",
    "enrichment",
    "fields",
    "follow_up",
    "icp",
    "lifecycle",
    "match_weights",
    "matching",
    "notifications",
    "pipeline",
    "privacy",
    "retention",
    "routing",
    "scoring",
    "screening",
)
OPTIONAL_FILES = {
    "accounts",
    "consent",
    "deals",
    "enrichment",
    "fields",
    "follow_up",
    "icp",
    "notifications",
    "privacy",
    "retention",
    "match_weights",
    "matching",
}
FOLDERS = {"sources": "source", "crm": "crm"}
OTHER_FOLDERS = {"tests"}  # beside the playbook, not part of it

_TYPES: Mapping[str, type] = {"text": str, "integer": int, "number": float, "boolean": bool, "date": date}

Model = TypeVar("Model", bound=Strict)


def load(folder: Path, handlers: Collection[str] = DEFAULT_HANDLERS) -> Playbook:
    """Return the compiled playbook; raises ``PlaybookError`` with every problem at once."""
    files = _read(folder)
    playbook, problems = _compile(files, handlers)
    if problems or playbook is None:
        raise PlaybookError(problems)
    return playbook


def load_texts(texts: Mapping[str, bytes], handlers: Collection[str] = DEFAULT_HANDLERS) -> Playbook:
    """Return the playbook of files by name, which need be no folder's; raises as ``load`` does."""
    playbook, problems = _compile(_files_of(_documents(texts)), handlers)
    if problems or playbook is None:
        raise PlaybookError(problems)
    return playbook


def texts_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that say what the playbook does, in the order in which its version counts.

    Raises ``PlaybookError`` for one that cannot be read.
    """
    texts: dict[str, bytes] = {}
    unreadable: list[Problem] = []
    for path, name in _paths(folder):
        if _table(name, _Files()) is None:
            continue
        try:
            texts[name] = path.read_bytes()
        except OSError as error:
            unreadable.append(Problem(Place(name, 1), f"cannot be read: {error.strerror}"))
    if unreadable:
        raise PlaybookError(unreadable)
    return texts


def version_of(texts: Mapping[str, bytes]) -> str:
    """Return the version that ``load_texts`` gives to these files, without looking what they say."""
    return _version((name, hashlib.sha256(raw).hexdigest()) for name, raw in _in_order(texts))


def check(folder: Path, handlers: Collection[str] = DEFAULT_HANDLERS) -> list[Problem]:
    """Return every problem of the playbook, in the order of files and lines."""
    try:
        load(folder, handlers)
    except PlaybookError as error:
        return list(error.problems)
    return []


@dataclass
class _Files:
    """The playbook's documents, each read once."""

    version: str = ""
    single: dict[str, Document] = field(default_factory=dict)  # by kind
    sources: dict[str, Document] = field(default_factory=dict)  # by file name without its ending
    crms: dict[str, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def documents(self) -> list[Document]:
        return [*self.single.values(), *self.sources.values(), *self.crms.values()]


def _read(folder: Path) -> _Files:
    files = _Files()
    if not folder.is_dir():
        message = "there is no such playbook folder"
        files.problems.append(Problem(Place(str(folder), 1), message, "leadrelay init makes one."))
        return files
    return _files_of(loader.read(path, name) for path, name in _paths(folder))


def _paths(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the YAML files of a folder with their names in it, in the order in which the version counts."""
    for path in sorted([*folder.glob("*.y*ml"), *folder.glob("[!.]*/*.y*ml")]):
        yield path, path.relative_to(folder).as_posix()


def _in_order(texts: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Return files as a folder lists them: by the parts of their paths."""
    return sorted(texts.items(), key=lambda item: PurePosixPath(item[0]).parts)


def _documents(texts: Mapping[str, bytes]) -> Iterator[Document]:
    for name, raw in _in_order(texts):
        document = loader.parse(raw, name)
        document.digest = hashlib.sha256(raw).hexdigest()
        yield document


def _version(digests: Iterable[tuple[str, str]]) -> str:
    """Return the version of files by name and SHA-256, in their order."""
    whole = hashlib.sha256()
    for name, digest in digests:
        whole.update(f"{name}\0{digest}\0".encode())
    return whole.hexdigest()[:12]


def _files_of(documents: Iterable[Document]) -> _Files:
    files = _Files()
    digests: list[tuple[str, str]] = []
    for document in documents:
        table = _table(document.file, files)
        if table is None:
            continue
        table[PurePosixPath(document.file).stem] = document
        digests.append((document.file, document.digest))
    for kind in SINGLE_FILES:
        if kind not in files.single and kind not in OPTIONAL_FILES:
            files.problems.append(
                Problem(Place(f"{kind}.yaml", 1), "this file is missing", KINDS[kind].__doc__ or "")
            )
    files.version = _version(digests)
    return files


def _table(name: str, files: _Files) -> dict[str, Document] | None:
    """Return where a file belongs; ``None`` for one that is no part of the playbook."""
    outer, slash, inner = name.rpartition("/")
    stem, _, ending = inner.rpartition(".")
    if slash and outer in OTHER_FOLDERS:
        return None
    if slash and outer not in FOLDERS:
        fix = did_you_mean(outer, FOLDERS)
        files.problems.append(Problem(Place(name, 1), f'there is no playbook folder "{outer}"', fix))
        return None
    if not slash and stem not in SINGLE_FILES:
        fix = did_you_mean(stem, SINGLE_FILES)
        files.problems.append(Problem(Place(name, 1), f'there is no playbook file "{stem}"', fix))
        return None
    if ending != "yaml":
        fix = f"Rename it to {stem}.yaml."
        files.problems.append(Problem(Place(name, 1), "playbook files end in .yaml", fix))
        return None
    return files.single if not slash else files.sources if outer == "sources" else files.crms


def _compile(files: _Files, handlers: Collection[str]) -> tuple[Playbook | None, list[Problem]]:
    """Compile what is sound of every file, so that one fault does not hide the others."""
    scope = _scope(files, handlers)

    def one(kind: str, model: type[Model]) -> Checked[Model] | None:
        return validated(files.single[kind], model) if kind in files.single else None

    fields = one("fields", FieldsFile)
    _check_own_fields(fields, scope)
    lifecycle = one("lifecycle", LifecycleFile)
    scoring = one("scoring", ScoringFile)
    routing = one("routing", RoutingFile)
    screening = one("screening", ScreeningFile)
    pipeline = one("pipeline", PipelineFile)
    shared = one("accounts", AccountsFile)
    accounts = compile_accounts.compile_accounts(shared, scope) if shared else Accounts()
    stages = one("deals", DealsFile)
    scope.deals = compile_deals.compile_deals(stages, scope) if stages else None
    routes = routing and compile_routing.compile_routing(routing, scope)  # its calendars time stages, too
    providers = one("enrichment", EnrichmentFile)
    enrichment = compile_enrichment.compile_enrichment(providers, scope) if providers else Enrichment()
    if enrichment.providers and pipeline:
        compile_enrichment.check_order(pipeline, scope)
    customers = one("icp", IcpFile)
    icp = compile_icp.compile_icp(customers, scope) if customers else None
    if customers and pipeline:
        compile_icp.check_order(pipeline, scope)
    made = (
        lifecycle and compile_lifecycle.compile_lifecycle(lifecycle, scope),
        scoring and compile_scoring.compile_scoring(scoring, scope),
        routes,
        screening and compile_screening.compile_screening(screening),
        pipeline and compile_pipeline.compile_pipeline(pipeline, scope),
    )
    if routing and routing.model.sticky != "none" and pipeline and "account" not in pipeline.model.handlers:
        fix = "Add account to handlers in pipeline.yaml, or write sticky: none."
        scope.fault(routing.document.value_place("sticky"), "without accounts no company is known", fix)
    retention = one("retention", RetentionFile)
    keep = compile_retention.compile_retention(retention, scope) if retention else {}
    asked = one("consent", ConsentFile)
    own_fields = fields.model.fields if fields else {}
    purposes = compile_consent.compile_purposes(asked, own_fields, scope) if asked else {}
    sources = _sources(files, scope)
    crms = _crms(files, scope)
    speakers = {name: source_of(name) for name in enrichment.providers} | {
        name: name for name in (*sources, *crms, PERSON)
    }
    people = one("matching", MatchingFile), one("match_weights", MatchWeightsFile)
    matching = _matching(*people, speakers, scope)
    follow_up = one("follow_up", FollowUpFile)
    notifications = one("notifications", NotificationsFile)
    told = (
        compile_messages.compile_follow_up(follow_up, crms, scope) if follow_up else FollowUp(),
        compile_messages.compile_notifications(notifications, scope) if notifications else Notifications(),
    )
    consent = compile_consent.compile_consent(asked, purposes, crms, told, scope) if asked else Consent()
    privacy = compile_privacy.compile_privacy(one("privacy", PrivacyFile), fields, consent.regions, scope)
    compile_consent.check_fields(compile_consent.fields_of(files.single.get("consent")), crms, scope)
    problems = [
        *files.problems,
        *scope.problems,
        *(p for document in files.documents for p in document.problems),
    ]
    if not problems and made[0] and made[1]:  # what faults take out of a file could reach it
        problems = compile_scoring.out_of_reach(made[1], made[0])
    if problems or None in made or pipeline is None:
        return None, problems
    return (
        Playbook(
            version=files.version,
            sources=sources,
            crms=crms,
            pipeline=cast(tuple[str, ...], made[4]),
            screening=cast(Screening, made[3]),
            scoring=cast(Scoring, made[1]),
            lifecycle=cast(Lifecycle, made[0]),
            routing=cast(Routing, made[2]),
            pipeline_place=pipeline.document.place("handlers"),
            fields=scope.fields,
            options=scope.options,
            follow_up=told[0],
            notifications=told[1],
            skip_direct=pipeline.model.attribution.skip_direct,
            accounts=accounts,
            consent=consent,
            privacy=privacy,
            deals=scope.deals,
            matching=matching,
            enrichment=enrichment,
            icp=icp,
            keep=keep,
            named=tuple(dict.fromkeys(scope.named)),
        ),
        [],
    )


def _matching(
    checked: Checked[MatchingFile] | None,
    learned: Checked[MatchWeightsFile] | None,
    speakers: Mapping[str, str],
    scope: Scope,
) -> Matching | None:
    """Return when people are asked who is one person; weights alone are a file that nobody reads."""
    if checked is None:
        if learned is not None and "matching" not in scope.unread:
            fix = "Add matching.yaml, which may be empty but for review: 0.95."
            scope.fault(learned.document.place("pairs"), "without matching.yaml nobody is asked", fix)
        return None
    matching = compile_matching.compile_matching(checked, speakers, scope)
    if learned is None:
        return matching
    return replace(matching, weights=compile_matching.compile_weights(learned, matching, scope))


def _scope(files: _Files, handlers: Collection[str]) -> Scope:
    """Collect the names that the files declare, faulty ones included, for the checks between files."""
    single = files.single
    return Scope(
        fields={
            **LEAD_FIELDS,
            **_own_fields(single.get("fields")),
            **compile_consent.fields_of(single.get("consent")),
        },
        options=_options(single.get("fields")),
        stages=tuple(dict.fromkeys(declared(single.get("lifecycle"), "stages"))),
        pools=declared(single.get("routing"), "pools"),
        groups=declared(single.get("scoring"), "groups"),
        bands=compile_bands.names_of(single.get("scoring")),
        objects={
            _name(stem, doc, "connection"): compile_accounts.people_objects(doc)
            for stem, doc in files.crms.items()
        },
        activities=sorted(
            compile_sources.activities_of(files.sources) | compile_crms.activities_of(files.crms)
        ),
        handlers=list(handlers),
        consents=frozenset(compile_consent.fields_of(single.get("consent"))),
        confirmed=compile_consent.confirmed_of(single.get("consent")),
        calendars=declared(single.get("routing"), "calendars"),
        unread=_unread(files),
    )


def _unread(files: _Files) -> frozenset[str]:
    """Return which files say nothing that can be read, by kind; of folders those that hold such a file."""
    found = {kind for kind, document in files.single.items() if not isinstance(document.data, dict)}
    own = files.single.get("fields")
    if len(_own_fields(own)) < len(_declared_fields(own).keys() - LEAD_FIELDS.keys()):
        found.add("fields")
    for kind, documents in (("sources", files.sources), ("crms", files.crms)):
        if any(not isinstance(document.data, dict) for document in documents.values()):
            found.add(kind)
    return frozenset(found)


def _declared_fields(document: Document | None) -> dict[str, Any]:
    data = document.data.get("fields") if document and isinstance(document.data, dict) else None
    return data if isinstance(data, dict) else {}


def _own_fields(document: Document | None) -> dict[str, type]:
    """Return the fields of fields.yaml with their types; one whose name or type is none is left out."""
    types = {
        name: str(entry.get("type", "text")) if isinstance(entry, dict) else "text"
        for name, entry in _declared_fields(document).items()
        if isinstance(name, str) and re.fullmatch(FIELD_NAME, name) and name not in LEAD_FIELDS
    }
    return {name: _TYPES[given] for name, given in types.items() if given in _TYPES}


def _options(document: Document | None) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(one for one in given if isinstance(one, str))
        for name, entry in _declared_fields(document).items()
        if isinstance(entry, dict) and isinstance(given := entry.get("options"), list)
    }


def _check_own_fields(checked: Checked[FieldsFile] | None, scope: Scope) -> None:
    for name, entry in checked.model.fields.items() if checked else ():
        _check_options(name, entry, checked, scope)
        if name in LEAD_FIELDS or name == "id":
            at = checked.document.place("fields", name) if checked else Place("fields.yaml", 1)
            scope.fault(at, f'"{name}" is a built-in lead field', "Take it out, or give yours another name.")


def _check_options(name: str, entry: ExtraField, checked: Checked[FieldsFile] | None, scope: Scope) -> None:
    document = checked.document if checked else Document("fields.yaml")
    if entry.options and entry.type != "text":
        fix = "Write type: text, or take the options out."
        scope.fault(document.place("fields", name, "options"), f"{entry.type} has no options", fix)
    seen: dict[str, str] = {}
    for n, option in enumerate(entry.options):
        first = seen.setdefault(option.casefold(), option)
        if list(seen).index(option.casefold()) != n:
            at = document.value_place("fields", name, "options", n)
            scope.fault(at, f'"{option}" is there twice, as "{first}"', "Take one of the two out.")


def _sources(files: _Files, scope: Scope) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for stem, document in files.sources.items():
        checked = validated(document, SourceFile)
        if checked is not None and _is_new(stem, checked.document, "name", "source", found, scope):
            name = checked.model.name or stem
            at = checked.document.value_place("name")
            if name in scope.objects:
                fix = "Values remember who said them by this name: give one of the two another."
                scope.fault(at, f'a connection is called "{name}", too', fix)
            _check_name(name, at, scope)
            found[name] = compile_sources.compile_source(checked, name, scope)
    return found


def _check_name(name: str, at: Place, scope: Scope) -> None:
    """Check what the models cannot: a name that follows from the file's, and one that is taken."""
    if len(name) > LONGEST_NAME:
        fix = "Rename the file, or give the name in it."
        scope.fault(at, f'"{name}" has more than {LONGEST_NAME} characters', fix)
    if name in (RULE, PERSON, MATCHER):
        whose = {RULE: "rules", PERSON: "people", MATCHER: "the evidence of two leads"}[name]
        fix = f"Values that {whose} decided carry this name: choose another."
        scope.fault(at, f'nobody else can be called "{name}"', fix)


def _crms(files: _Files, scope: Scope) -> dict[str, CrmMap]:
    found: dict[str, CrmMap] = {}
    places: dict[str, Place] = {}
    for stem, document in files.crms.items():
        checked = validated(document, CrmFile)
        if checked is not None and _is_new(stem, checked.document, "connection", "connection", found, scope):
            name = checked.model.connection or stem
            _check_name(name, checked.document.value_place("connection"), scope)
            found[name] = compile_crms.compile_crm(checked, name, scope)
            places[name] = checked.document.place("needs")
    compile_crms.check_needs(found, places, scope)
    check_authorities(found, scope)
    compile_accounts.check_parents(found, scope)
    return found


def _is_new(
    stem: str, document: Document, setting: str, kind: str, found: Mapping[str, Source | CrmMap], scope: Scope
) -> bool:
    name = _name(stem, document, setting)
    if name not in found:
        return True
    fix = f"The first is in {found[name].place.file}."
    scope.fault(document.value_place(setting), f'there are two {kind}s called "{name}"', fix)
    return False


def _name(stem: str, document: Document, setting: str) -> str:
    """Return what a source or connection is called: its setting, else its file's name."""
    given = document.data.get(setting) if isinstance(document.data, dict) else None
    return given if isinstance(given, str) and given else stem
