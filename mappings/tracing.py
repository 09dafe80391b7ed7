"""What of a sender's fields is read, and which lines of a source find nothing in what is sent. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mappings.inward import TEST_MARK, look_up
from mappings.playbook import Source
from mappings.touches import USUAL_NAMES
from mappings.unfolding import unfold
from model.decision import Place

MOST_NAMES = 500  # of one post, nested ones included
NEAR = 0.75  # of a name to the one that may be meant


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a source: what it is for, and the sender's fields it reads."""

    what: str  # a lead field, "touch.source", "activities" …
    paths: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Silent:
    """A line that finds none of its fields; ``near``: a field that was sent, and that no line reads."""

    line: Line
    near: str = ""

    def __str__(self) -> str:
        names = " or ".join(f'"{path}"' for path in self.line.paths)
        meant = f'; did you mean "{self.near}"?' if self.near else ""
        return f"{self.line.what}: no {names}{meant}"


@dataclass(frozen=True, slots=True)
class Trace:
    """What a source makes of the names in posts."""

    silent: tuple[Silent, ...]
    unread: tuple[str, ...]  # the sender's fields that no line names, in their order


def lines_of(source: Source) -> Iterator[Line]:
    """Yield what a source reads, line by line; the fields that robots fill in are meant to be missing."""
    for rule in source.fields:
        if rule.paths:
            yield Line(rule.field, rule.paths, rule.place)
        for path in rule.when:
            yield Line(f"{rule.field} (when)", (path,), rule.place)
    for name, paths in source.touch_paths.items():
        yield Line(f"touch.{name}", paths, source.places.get(f"touch.{name}", source.place))
    told = set[str]()
    for activity in source.activities:
        for path in (*activity.when, *filter(None, (activity.detail_path,))):
            if path not in told:
                yield Line("activities", (path,), activity.place)
            told.add(path)
    for what, path in (("event_id", source.id_path), ("occurred_at", source.occurred_at_path)):
        if path:
            yield Line(what, (path,), source.places.get(what, source.place))


def trace_posts(source: Source, posts: Sequence[Mapping[str, Any]]) -> Trace:
    """Compare the lines of a source with posts (``body``, ``query``, ``headers``), all of them together."""
    bodies = [_unfolded(source, post.get("body")) for post in posts]
    queries = [post.get("query") or {} for post in posts]
    headers = [post.get("headers") or {} for post in posts]

    def is_sent(path: str) -> bool:
        if any(look_up(body, path) is not None for body in bodies):
            return True
        kind, _, name = path.partition(".")
        if kind == "query":
            return any(look_up(query, name) is not None for query in queries)
        return kind == "headers" and any(name.lower() in one for one in headers)

    own = [body for post in posts if isinstance(body := post.get("body"), Mapping)]
    sent = dict.fromkeys(name for body in own for name in _leaves(body))
    return _traced(source, [*lines_of(source)], is_sent, list(sent))


def trace_columns(source: Source, columns: Collection[str]) -> Trace:
    """Compare the lines of a source with the columns of a table; a row has neither query nor headers."""
    lines = [
        Line(line.what, paths, line.place)
        for line in lines_of(source)
        if (paths := tuple(path for path in line.paths if path.partition(".")[0] not in ("query", "headers")))
    ]
    return _traced(
        source, lines, lambda path: path in columns or root_of(source, path) in columns, list(columns)
    )


def root_of(source: Source, path: str) -> str:
    """Return the sender's field in which a path begins: ``answers`` of ``answers[id=1].text``."""
    head = path.partition(".")[0].partition("[")[0]
    return source.json_fields.get(head, head)


def _traced(source: Source, lines: Sequence[Line], is_sent: Any, sent: Sequence[str]) -> Trace:
    named = {path for line in lines for path in line.paths} | set(source.honeypot)
    named |= USUAL_NAMES | {TEST_MARK, source.auth.field, source.captcha.field if source.captcha else ""}
    named |= {source.fill_time_path}
    roots = {root_of(source, path) for path in named}
    unread = tuple(name for name in sent if not _is_read(name, named, roots))
    missing = [line for line in lines if not any(map(is_sent, line.paths))]
    return Trace(tuple(Silent(line, _near(line.paths, unread)) for line in missing), unread)


def _is_read(name: str, named: Collection[str], roots: Collection[str]) -> bool:
    """Say whether a line names this field, what lies in it, or the object that it lies in."""
    if name in named or name in roots:
        return True
    return any(name[:at] in named for at, char in enumerate(name) if char == ".")


def _near(paths: Sequence[str], unread: Sequence[str]) -> str:
    plain = {_plain(name): name for name in reversed(unread)}
    for path in paths:
        found = get_close_matches(_plain(path), plain, n=1, cutoff=NEAR)
        if found:
            return plain[found[0]]
    return ""


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum() or char == ".")


def _unfolded(source: Source, body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        return {}
    return unfold(body, source.json_fields, lambda *_: None) if source.json_fields else body


def _leaves(body: Mapping[str, Any], before: str = "") -> list[str]:
    """Return the names of what a post says, dotted where it lies in an object."""
    found: list[str] = []
    for name, value in body.items():
        if isinstance(value, Mapping) and value:
            found += _leaves(value, f"{before}{name}.")
        else:
            found.append(f"{before}{name}")
        if len(found) >= MOST_NAMES:
            break
    return found[:MOST_NAMES]
