"""The examples beside a playbook (``tests/*.yaml``): what is posted, and what is to be true then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mappings import loader
from mappings.compiling.validation import validated
from mappings.fitting import KIND_WORDS, misfit, no_option
from mappings.loader import Document
from mappings.playbook import Playbook
from mappings.problems import PlaybookError, Problem, in_order, unknown
from mappings.schema import ExampleMap, ExamplesFile
from mappings.tracing import trace_posts
from mappings.values.durations import duration
from model.decision import Place
from model.event import JsonValue
from model.lead import TOUCH_FIELDS
from model.times import from_text

FOLDER = "tests"
BEGINS = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)  # a Wednesday, noon


@dataclass(frozen=True, slots=True)
class Post:
    """What a sender sends; ``payload`` has the shape of an intake event's."""

    source: str
    payload: Mapping[str, JsonValue]
    later: timedelta  # after the post before


@dataclass(frozen=True, slots=True)
class Expected:
    """One thing that is to be true after an example's last post.

    ``what`` is "outcome", "lead", "pool", "crm", "because", "because_not", "asks", "tasks" or "messages";
    ``of`` names the lead field, or the connection and its field.
    """

    what: str
    value: JsonValue
    place: Place
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An example, which begins with nobody known."""

    name: str
    posts: Sequence[Post]
    expected: Sequence[Expected]
    place: Place
    begins: datetime = BEGINS  # when the first post comes


def load_examples(folder: Path, playbook: Playbook) -> list[Example]:
    """Return the examples of a playbook's folder; raises ``PlaybookError`` with everything wrong in them."""
    examples: list[Example] = []
    problems: list[Problem] = []
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        document = loader.read(path, path.relative_to(folder).as_posix())
        checked = validated(document, ExamplesFile)
        if checked is not None:
            examples += _Reader(checked.document, playbook, problems).examples(checked.model)
        problems += document.problems
    if problems:
        raise PlaybookError(problems)
    return examples


def warnings_of(folder: Path, playbook: Playbook) -> list[Problem]:
    """Return what examples send that no line reads, where a line finds nothing that reads nearly that name.

    It is told of the line where no example has its field, else of the example: one of the two is misspelt. A
    field that is merely missing there is none: examples have what they are about.
    """
    examples = load_examples(folder, playbook)
    posts: dict[str, list[Mapping[str, JsonValue]]] = {}
    for post in (post for example in examples for post in example.posts):
        posts.setdefault(post.source, []).append(post.payload)
    silent = {
        name: {one.line: one for one in trace_posts(playbook.sources[name], sent).silent}
        for name, sent in posts.items()
    }
    found = []
    for lines in silent.values():
        for one in filter(lambda one: one.near, lines.values()):
            names = " or ".join(f'"{path}"' for path in one.line.paths)
            message = f"{one.line.what} is read from {names}, which no example has"
            fix = f'The examples have "{one.near}", which no line reads: is that meant?'
            found.append(Problem(one.line.place, message, fix))
    for example in examples:
        for post in example.posts:
            for one in trace_posts(playbook.sources[post.source], [post.payload]).silent:
                if one.near and one.line not in silent[post.source]:
                    message = f'a post of this example has "{one.near}", which no line of {post.source} reads'
                    found.append(Problem(example.place, message, f'Is "{one.line.paths[0]}" meant?'))
    return in_order(found)


def check_examples(folder: Path, playbook: Playbook) -> list[Problem]:
    """Return everything wrong with the examples, in the order of files and lines."""
    try:
        load_examples(folder, playbook)
    except PlaybookError as error:
        return list(error.problems)
    return []


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file, and notes what it names that the playbook has not."""

    document: Document
    playbook: Playbook
    problems: list[Problem]

    def examples(self, file: ExamplesFile) -> list[Example]:
        return [self._example(n, entry) for n, entry in enumerate(file.examples)]

    def _example(self, n: int, entry: ExampleMap) -> Example:
        posts = []
        for m, post in enumerate(entry.posts):
            self._knows("source", post.source, self.playbook.sources, n, "posts", m, "source")
            payload = {
                "body": post.body,
                "query": post.query,
                "headers": {name.lower(): value for name, value in post.headers.items()},
            }
            posts.append(Post(post.source, payload, duration(post.later)))
        expected = self._expected(n, entry)
        if not expected and self.document.sound:
            at = self.document.place("examples", n, "expect")
            self.problems.append(
                Problem(at, "nothing is expected here", "Say what is to be true: outcome, lead, …")
            )
        at = self.document.place("examples", n)
        return Example(entry.name, posts, expected, at, self._begins(entry, n))

    def _expected(self, n: int, entry: ExampleMap) -> list[Expected]:
        expect, found = entry.expect, list[Expected]()
        for what in ("outcome", "pool", "asks", "tasks", "messages"):
            value = getattr(expect, what)
            if value is not None:
                found.append(Expected(what, value, self._at(n, what)))
        for name, value in expect.lead.items():
            if self._knows("lead field", name, self._fields(), n, "expect", "lead", name):
                self._fits(name, value, n)
            found.append(Expected("lead", value, self._at(n, "lead", name), (name,)))
        for connection, fields in expect.crm.items():
            at = (n, "expect", "crm", connection)
            if self._knows("connection", connection, self.playbook.crms, *at):
                found += self._of_crm(connection, fields, *at)
        for what in ("because", "because_not"):
            for m, text in enumerate(getattr(expect, what)):
                found.append(Expected(what, text, self._at(n, what, m)))
        self._check_names(n, entry)
        return found

    def _begins(self, entry: ExampleMap, n: int) -> datetime:
        if not entry.begins:
            return BEGINS
        try:
            return from_text(entry.begins)
        except ValueError:
            fix = "Write it as 2026-12-25T10:00Z; without a zone it is UTC."
            at = self.document.value_place("examples", n, "begins")
            self.problems.append(Problem(at, f'"{entry.begins}" is no moment', fix))
            return BEGINS

    def _fits(self, name: str, value: JsonValue, n: int) -> None:
        kind = self.playbook.fields.get(name)
        if value is None or kind not in KIND_WORDS:
            return
        options = self.playbook.options.get(name, ())
        if wrong := misfit(name, kind, value) or no_option(name, value, options):
            self.problems.append(Problem(self._at(n, "lead", name), *wrong))

    def _of_crm(self, connection: str, fields: Mapping[str, JsonValue], *at: str | int) -> list[Expected]:
        crm = self.playbook.crms[connection]
        remotes = [rule.remote for rule in crm.objects[crm.create_object].fields]
        for remote in fields:
            self._knows(f"field of {crm.create_object} in its map", remote, remotes, *at, remote)
        return [
            Expected("crm", value, self.document.value_place("examples", *at, remote), (connection, remote))
            for remote, value in fields.items()
        ]

    def _check_names(self, n: int, entry: ExampleMap) -> None:
        expect, playbook = entry.expect, self.playbook
        if expect.pool is not None:
            self._knows("pool", expect.pool, playbook.routing.pools, n, "expect", "pool")
        if "stage" in expect.lead and isinstance(expect.lead["stage"], str):
            stages = [stage.name for stage in playbook.lifecycle.stages]
            self._knows("stage", expect.lead["stage"], stages, n, "expect", "lead", "stage")
        for what, rules in (("tasks", playbook.follow_up.rules), ("messages", playbook.notifications.rules)):
            for m, name in enumerate(getattr(expect, what) or ()):
                self._knows(f"rule of {what}", name, [rule.name for rule in rules], n, "expect", what, m)

    def _fields(self) -> list[str]:
        touches = [name for name, kind in self.playbook.fields.items() if kind is dict]
        return [*self.playbook.fields, *(f"{touch}.{part}" for touch in touches for part in TOUCH_FIELDS)]

    def _at(self, n: int, *path: str | int) -> Place:
        return self.document.value_place("examples", n, "expect", *path)

    def _knows(self, kind: str, name: str, known: Collection[str], *path: str | int) -> bool:
        if name in known:
            return True
        self.problems.append(unknown(self.document.place("examples", *path), kind, name, known))
        return False
