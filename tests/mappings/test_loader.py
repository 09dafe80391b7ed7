"""YAML becomes plain data that remembers its places, by YAML 1.2's rules and within bounds."""

from __future__ import annotations

import pytest

from mappings.loader import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),  # Norway; YAML 1.1 reads False
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("012", "012"),  # a postal code; YAML 1.1 reads 10
        ("0x1F", "0x1F"),
        ("12:30", "12:30"),  # YAML 1.1 reads 750
        ("1_000", "1_000"),
        ("2.50", 2.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        ("2026-03-01", "2026-03-01"),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("<<", "<<"),
        ("é", "é"),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    data = parse(f"x: {text}".encode(), "t.yaml").data
    assert data == {"x": value}
    assert type(data["x"]) is type(value)


def test_keys_and_values_have_their_places():
    document = parse(b"a:\n  - b: 1\n    c: &x [2, 3]\nd: *x\n", "t.yaml")
    assert document.data == {"a": [{"b": 1, "c": [2, 3]}], "d": [2, 3]}
    assert str(document.place("a", 0, "c")) == "t.yaml:3:5"
    assert str(document.value_place("a", 0, "c", 1)) == "t.yaml:3:15"
    assert str(document.place("a", 0, "nothing")) == "t.yaml:2:5"


def test_what_remains_keeps_its_places_when_a_part_is_taken_out():
    document = parse(b"a:\n  - x: 1\n  - x: 2\n  - x: 3\n", "t.yaml").without(("a", 1))
    assert document.data == {"a": [{"x": 1}, {"x": 3}]}
    assert str(document.value_place("a", 1, "x")) == "t.yaml:4:8"


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        (b"a: 1\nb: 2\na: 3\n", 't.yaml:3:1: "a" stands here twice\n    It is already set in line 1.'),
        (b"? [a]\n: 1\n", "t.yaml:1:3: a name is expected here, not a list or a mapping"),
        (
            b"a: !env SECRET\n",
            't.yaml:1:4: the tag "!env" is not used in a playbook\n    Write the plain value.',
        ),
        (b"a: [1\nb: 2\n", "t.yaml:2:2: this is not YAML: did not find expected ',' or ']'"),
        (
            b"a: 1\n  b: 2\n",
            "t.yaml:2:4: this is not YAML: mapping values are not allowed in this context\n"
            "    This line is indented too far: begin it in the same column as the settings beside it.",
        ),
        (
            b"a:\n  b: 1\n c: 2\n",
            "t.yaml:3:2: this is not YAML: did not find expected key\n"
            "    Settings that belong together begin in the same column, as line 1; a list's dashes, too.",
        ),
        (
            b"a:\n  - b: 1\n    c: 2\n   - b: 3\n",
            "t.yaml:4:4: this is not YAML: did not find expected '-' indicator\n"
            "    Each entry of a list begins with a dash, in the same column as the one before.",
        ),
        (
            b"a: b: c\n",
            "t.yaml:1:5: this is not YAML: mapping values are not allowed in this context\n"
            '    Put text that contains ": " in quotes.',
        ),
        (
            b"a:\n\tb: 1\n",
            "t.yaml:2:1: this is not YAML: found character that cannot start any token\n"
            "    Indent with spaces, not tabs, and put text that begins with @, ` or % in quotes.",
        ),
        (
            b"a:\n  b: x\n  \tc: 2\n",
            "t.yaml:3:3: this is not YAML: found a tab character that violates indentation\n"
            "    Indent with spaces, not tabs.",
        ),
        (
            b"a: 1\nseats:plaetze\nb: 2\n",
            "t.yaml:2:1: this is not YAML: could not find expected ':'\n"
            '    A setting is written "name: value", with a space after the colon.',
        ),
        (b"a: *nobody\n", "t.yaml:1:4: this is not YAML: found undefined alias"),
        (b"a: 1\n---\nb: 2\n", "t.yaml:2:1: this is not YAML: but found another document"),
        (b"x: 1\na: \xff\n", "t.yaml:2:1: is not UTF-8 text\n    Save the file with UTF-8 encoding."),
        (b"a: &a [*a]\n", "t.yaml:1:1: an anchor that contains itself, or anchors nested too deep"),
        (b"[" * 200_000, "t.yaml:1:1: nested more than 60 deep"),
        (b"x" * 1_048_577, "t.yaml:1:1: has 1,048,577 bytes; at most 1,048,576 are read"),
    ],
)
def test_what_cannot_be_read_is_a_problem_with_its_place(raw, printed):
    assert "\n".join(map(str, parse(raw, "t.yaml").problems)) == printed


def test_anchors_cannot_unfold_without_bound():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [problem] = parse("\n".join(lines).encode(), "t.yaml").problems
    assert problem.message == "more than 100,000 values, anchors unfolded"
