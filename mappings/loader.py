"""YAML as plain data that remembers where everything stood.

Scalars follow YAML 1.2's core schema, so the country ``NO`` is not ``False`` and ``12:30`` is not 750.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mappings.problems import Problem
from model.decision import Place

MAX_BYTES = 1_048_576
MAX_NODES = 100_000  # anchors counted as often as they are used, so a small file cannot unfold to gigabytes
MAX_DEPTH = 60

Path_ = tuple[str | int, ...]
"""The way to a value: mapping keys and list positions."""

_RESOLVERS = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    # No leading zeros: 01234 is a postal code.
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
)


class _CoreLoader(yaml.CSafeLoader):
    """The fast safe loader without YAML 1.1's guesses."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own shape)


for _tag, _pattern, _first in _RESOLVERS:
    _CoreLoader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))


@dataclass(slots=True)
class Document:
    """One file: its data, and the place of each key and value in it."""

    file: str
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)
    digest: str = ""  # SHA-256 of the file
    text: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong with the file by itself; else what it lacks may only be unreadable."""
        return not self.problems

    def place(self, *path: str | int) -> Place:
        """Return where a setting begins: its key in a mapping, itself in a list; else its nearest parent."""
        return self._nearest(path, self.keys, self.values)

    def value_place(self, *path: str | int) -> Place:
        """Return where a value begins, else its nearest parent."""
        return self._nearest(path, self.values, self.keys)

    def place_within(self, path: Path_, offset: int) -> Place:
        """Return where a character of the text at ``path`` is, by counting those that are no white space.

        That holds for a text on one line and for one folded over several; an escape in it counts as one.
        """
        start, value = self.value_place(*path), self.data
        for step in path:
            value = value[step]
        lines = self.text.splitlines()
        if not isinstance(value, str) or start.line > len(lines):
            return start
        line, column = start.line - 1, start.column - 1
        sign = lines[line][column : column + 1]
        if sign in ("|", ">"):
            line, column = line + 1, 0
        quote = sign if sign in ("'", '"') else ""
        column += len(quote)
        left = sum(not char.isspace() for char in value[:offset])
        while line < len(lines):
            row = lines[line]
            while column < len(row):
                if not row[column].isspace():
                    if not left:
                        return Place(self.file, line + 1, column + 1)
                    left -= 1
                    column += (quote == '"' and row[column] == "\\") or row[
                        column : column + 2
                    ] == "''" == quote * 2
                column += 1
            line, column = line + 1, 0
        return start

    def without(self, path: Path_) -> Document:
        """Return a copy that lacks the value at ``path``; the places of what remains stay true."""
        data = copy.deepcopy(self.data)
        outer = data
        for step in path[:-1]:
            outer = outer[step]
        del outer[path[-1]]
        moved = {True: partial(_moved, path), False: partial(_left, path)}[isinstance(path[-1], int)]
        return Document(
            self.file,
            data,
            self.problems,
            {new: at for old, at in self.keys.items() if (new := moved(old)) is not None},
            {new: at for old, at in self.values.items() if (new := moved(old)) is not None},
            self.digest,
            self.text,
        )

    def having(self, path: Path_, value: Any) -> Document:
        """Return a copy with another value at ``path``."""
        data = copy.deepcopy(self.data)
        outer = data
        for step in path[:-1]:
            outer = outer[step]
        outer[path[-1]] = value
        return replace(self, data=data)

    def _nearest(self, path: Path_, *tables: Mapping[Path_, Place]) -> Place:
        while True:
            for table in tables:
                if path in table:
                    return table[path]
            if not path:
                return Place(self.file, 1)
            path = path[:-1]


def _left(gone: Path_, path: Path_) -> Path_ | None:
    """Return the path, or ``None`` when it lay in what is gone."""
    return None if path[: len(gone)] == gone else path


def _moved(gone: Path_, path: Path_) -> Path_ | None:
    """Return the path after a list entry is gone: later entries move up by one."""
    depth = len(gone) - 1
    if path[:depth] != gone[:depth] or len(path) <= depth or int(path[depth]) < int(gone[depth]):
        return path
    if path[depth] == gone[depth]:
        return None
    return (*path[:depth], int(path[depth]) - 1, *path[depth + 1 :])


def read(path: Path, name: str) -> Document:
    """Read a file; ``name`` is how problems call it. Never raises for what the file contains."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        return _failed(name, Place(name, 1), f"cannot be read: {error.strerror}")
    document = parse(raw, name)
    document.digest = hashlib.sha256(raw).hexdigest()
    return document


def parse(raw: bytes, name: str) -> Document:
    """Turn YAML text into data with marks, or into problems."""
    if len(raw) > MAX_BYTES:
        return _failed(name, Place(name, 1), f"has {len(raw):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return _failed(name, Place(name, line), "is not UTF-8 text", "Save the file with UTF-8 encoding.")
    loader = _CoreLoader(text)
    try:
        _check_depth(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.problem == _NO_COLON:  # it is missed on the line before the one where that is noticed
            mark = error.context_mark or mark
        at = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1)
        return _failed(name, at, f"this is not YAML: {error.problem or error.context}", _advice(error, text))
    except _TooMuch as error:
        return _failed(name, Place(name, error.line), str(error))
    except yaml.YAMLError as error:
        return _failed(name, Place(name, 1), f"this is not YAML: {str(error).splitlines()[0]}")
    finally:
        loader.dispose()
    document = Document(name, text=text)
    if node is not None:
        _Builder(document).build(node)
    return document


def _failed(name: str, at: Place, message: str, fix: str = "") -> Document:
    return Document(name, problems=[Problem(at, message, fix)])


_NO_COLON = "could not find expected ':'"
_OUT_OF_LINE = ("did not find expected key", "but found '-'", "expected <block end>")
_KEY = re.compile(r"\s*(?:- +)?[\w.\"'-]+\s*")


def _advice(error: yaml.MarkedYAMLError, text: str) -> str:
    problem, mark = error.problem or "", error.problem_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "mapping values are not allowed" in problem and mark and _KEY.fullmatch(line[: mark.column]):
        # The first colon of a line: the line before it is a value already, and this one is further in.
        return "This line is indented too far: begin it in the same column as the settings beside it."
    is_flow = (error.context or "").startswith("while parsing a flow")
    if not is_flow and any(words in problem for words in _OUT_OF_LINE):
        begin = f", as line {error.context_mark.line + 1}" if error.context_mark else ""
        return f"Settings that belong together begin in the same column{begin}; a list's dashes, too."
    if "did not find expected '-' indicator" in problem:
        return "Each entry of a list begins with a dash, in the same column as the one before."
    if "tab character" in problem:
        return "Indent with spaces, not tabs."
    if "cannot start any token" in problem:
        return "Indent with spaces, not tabs, and put text that begins with @, ` or % in quotes."
    if "mapping values are not allowed" in problem:
        return 'Put text that contains ": " in quotes.'
    if problem == _NO_COLON:
        return 'A setting is written "name: value", with a space after the colon.'
    return ""


class _TooMuch(Exception):
    """The document is deeper, or unfolds to more, than anybody writes by hand."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the tree is built: libyaml builds it by recursion and would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise _TooMuch(f"nested more than {MAX_DEPTH} deep", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Turns nodes into data and notes each place; a fault inside costs that value, not the file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node) -> None:
        try:
            self.document.data = self._value(node, ())
        except _TooMuch as error:
            self._problem(node, str(error))

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.document.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _problem(self, node: yaml.Node, message: str, fix: str = "") -> None:
        self.document.problems.append(Problem(self._place(node), message, fix))

    def _value(self, node: yaml.Node, path: Path_) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _TooMuch(f"more than {MAX_NODES:,} values, anchors unfolded")
        if len(path) > MAX_DEPTH or id(node) in self.open:
            raise _TooMuch("an anchor that contains itself, or anchors nested too deep")
        self.document.values[path] = self._place(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(item, (*path, n)) for n, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, "a name is expected here, not a list or a mapping")
                continue
            key = key_node.value
            if key in data:
                first = self.document.keys[(*path, key)].line
                self._problem(key_node, f'"{key}" stands here twice', f"It is already set in line {first}.")
                continue
            self.document.keys[(*path, key)] = self._place(key_node)
            data[key] = self._value(value_node, (*path, key))
        return data

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        try:
            match kind:
                case "str":
                    return node.value
                case "null":
                    return None
                case "bool":
                    return node.value.lower() == "true"
                case "int":
                    return int(node.value)
                case "float":
                    return float(node.value)
        except ValueError:
            self._problem(node, f'"{node.value}" cannot be read as {kind}')
            return None
        self._problem(node, f'the tag "{node.tag}" is not used in a playbook', "Write the plain value.")
        return None
