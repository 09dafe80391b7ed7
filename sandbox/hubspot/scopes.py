"""Which scopes each endpoint needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.kinds import SPELLINGS

AnyOf = tuple[str, ...]  # one of these is needed
READS = ("/batch/read", "/search")  # calls that only read, although they are posted
HELP = "https://developers.hubspot.com/scopes"


def missing(granted: frozenset[str], method: str, rule: str, arguments: Mapping[str, str]) -> ApiError | None:
    """403 where a token lacks a scope that the call needs."""
    kinds = tuple(str(arguments[name]) for name in ("object_type", "to_type") if name in arguments)
    lacking = [any_of for any_of in needed(method, rule, kinds) if granted.isdisjoint(any_of)]
    if not lacking:
        return None
    named = sorted({scope for any_of in lacking for scope in any_of})
    message = "This app hasn't been granted all required scopes to make this call."
    error = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": named},
    }
    text = f"{message} Read more about required scopes here: {HELP}."
    return ApiError(403, text, "MISSING_SCOPES", errors=[error], links={"scopes": HELP})


@lru_cache(maxsize=1000)
def needed(method: str, rule: str, kinds: tuple[str, ...]) -> tuple[AnyOf, ...]:
    """The scopes of a call, each with those that would do as well."""
    return tuple(_needed(method, rule, kinds))


def _needed(method: str, rule: str, kinds: tuple[str, ...]) -> Iterator[AnyOf]:
    right = "read" if method == "GET" or rule.endswith(READS) else "write"
    area = next((part for part in rule.split("/") if part in AREAS), "")
    match area:
        case "objects" | "associations" | "pipelines":
            yield from ((_objects(kind, right),) for kind in kinds)
        case "properties":
            yield from ((*_schemas(kind, right), *_reading(kind, right)) for kind in kinds)
        case "owners":
            yield ("crm.objects.owners.read",)
        case "lists":
            yield ("crm.lists.read",)
            if right == "write" and not rule.endswith("/search"):
                yield ("crm.lists.write",)
        case "account-info":
            yield ("oauth",)
        case "submissions":
            yield ("forms",)


AREAS = (
    "objects",
    "associations",
    "pipelines",
    "properties",
    "owners",
    "lists",
    "account-info",
    "submissions",
)


def _name(kind: str) -> str:
    """The object type after which the scope is called: activities have none of their own."""
    known = SPELLINGS.get(kind.lower())
    name = known.name if known else "contacts"
    return name if name in ("contacts", "companies", "deals", "leads", "tickets") else "contacts"


def _objects(kind: str, right: str) -> str:
    name = _name(kind)
    return "tickets" if name == "tickets" else f"crm.objects.{name}.{right}"


def _schemas(kind: str, right: str) -> Iterator[str]:
    name = _name(kind)
    yield (
        f"crm.schemas.{name}.{right}" if name in ("contacts", "companies", "deals") else _objects(kind, right)
    )


def _reading(kind: str, right: str) -> Iterator[str]:
    """Whoever may read records may read what their properties are."""
    if right == "read":
        yield _objects(kind, right)
