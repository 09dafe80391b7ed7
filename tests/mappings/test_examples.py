"""The examples beside a playbook: read with their places, and everything that they name is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from handlers.registry import HANDLERS
from mappings.compile import load
from mappings.examples import load_examples
from mappings.problems import PlaybookError
from mappings.starter import write_starter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("playbook") / "starter"
    write_starter(folder)
    return folder


def examples_of(folder: Path, text: str):
    for path in (folder / "tests").glob("*"):
        path.unlink()
    (folder / "tests" / "some.yaml").write_text(dedent(text), encoding="utf-8")
    return load_examples(folder, load(folder, tuple(HANDLERS)))


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(PlaybookError) as caught:
        examples_of(folder, text)
    return [str(problem) for problem in caught.value.problems]


GOOD = """\
    examples:
      - name: A demo
        posts:
          - {source: website, body: {email: ada@acme.example}}
          - {source: website, later: 2d, body: {email: ada@acme.example}, query: {utm_source: x}}
        expect:
          outcome: merged
          lead: {stage: mql, first_touch.source: google, country: null}
          because: one text
          tasks: []
    """


def test_an_example_is_read_with_the_places_of_what_it_expects(folder):
    [example] = examples_of(folder, GOOD)
    assert [post.later for post in example.posts] == [timedelta(minutes=1), timedelta(days=2)]
    assert example.posts[1].payload == {
        "body": {"email": "ada@acme.example"},
        "query": {"utm_source": "x"},
        "headers": {},
    }
    assert [(one.what, one.of, one.value, one.place.line) for one in example.expected] == [
        ("outcome", (), "merged", 7),
        ("tasks", (), [], 10),
        ("lead", ("stage",), "mql", 8),
        ("lead", ("first_touch.source",), "google", 8),
        ("lead", ("country",), None, 8),
        ("because", (), "one text", 9),
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "source: website, body",
            "source: webste, body",
            'there is no source "webste"\n    Did you mean "website"?',
        ),
        ("stage: mql", "stage: mqll", 'there is no stage "mqll"\n    Did you mean "mql"?'),
        ("country: null", "contry: null", 'there is no lead field "contry"\n    Did you mean "country"?'),
        ("outcome: merged", "outcome: merge", '"merge" is not possible here\n    Did you mean "merged"?'),
        ("outcome: merged", "pool: emae", 'there is no pool "emae"\n    Did you mean "emea"?'),
        ("tasks: []", "tasks: [Ring up]", 'there is no rule of tasks "Ring up"'),
        ("tasks: []", "messages: [Ring up]", 'there is no rule of messages "Ring up"'),
        (
            "tasks: []",
            "crm: {hubspt: {email: x}}",
            'there is no connection "hubspt"\n    Did you mean "hubspot"?',
        ),
        ("country: null", "employees: sixty", '"employees" is a whole number, not "sixty"'),
        ("country: null", "company: 50", '"company" is text, not 50\n    Put it in quotes.'),
        ("tasks: []", "crm: {hubspot: {emial: x}}", 'there is no field of contacts in its map "emial"'),
        ("later: 2d", "later: soon", 'tests/some.yaml:5:34: "soon" is no duration'),
        ("tasks: []", "taks: []", 'there is no setting "taks"\n    Did you mean "tasks"?'),
    ],
)
def test_what_it_names_and_the_playbook_has_not_is_told_with_its_place(folder, old, new, problem):
    [told] = problems_of(folder, GOOD.replace(old, new))
    assert told.startswith("tests/some.yaml:")
    assert problem in told


def test_all_that_is_wrong_is_told_at_once_and_an_example_that_expects_nothing_too(folder):
    told = problems_of(
        folder,
        """\
        examples:
          - name: Nothing
            posts: [{source: website, body: {}}]
            expect: {}
          - name: Wrong
            posts: [{source: nowhere, body: {}}]
            expect: {lead: {nothing: 1}}
        """,
    )
    assert [one.split(": ", 1)[1].split("\n")[0] for one in told] == [
        "nothing is expected here",
        'there is no source "nowhere"',
        'there is no lead field "nothing"',
    ]


def test_a_playbook_without_examples_has_none(folder):
    for path in (folder / "tests").glob("*"):
        path.unlink()
    assert load_examples(folder, load(folder, tuple(HANDLERS))) == []
