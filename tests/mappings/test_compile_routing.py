"""routing.yaml: what the page shows is what is meant, and each slip of the pen has its place."""

from __future__ import annotations

import re
import textwrap
from datetime import date
from pathlib import Path

import pytest

from mappings.compile import check, load
from mappings.playbook import Absence
from model.hours import Span
from tests.mappings.folders import playbook_folder

PAGE = (Path(__file__).parents[2] / "docs" / "playbook.md").read_text(encoding="utf-8")
ANN, BOB = "ann@northlight.example", "bob@northlight.example"
OFFICE = """\
calendars:
  office:
    time_zone: Europe/Berlin
    hours: {mon-fri: 09:00-17:00}
"""


def folder(tmp_path, text="", old="pools:\n", new="pools:\n"):
    before = ("routing.yaml", "fallback_pool", f"{text}fallback_pool")
    return playbook_folder(tmp_path, ("routing.yaml", old, new), before)


def faults(tmp_path, *given):
    return [str(problem) for problem in check(folder(tmp_path, *given))]


def examples() -> str:
    """Return what the page shows of routing.yaml, as one file."""
    section = PAGE.split("## routing.yaml")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.MULTILINE)
    others = "  west: {members: [cy@northlight.example]}\n  senior: {members: [dee@northlight.example]}\n"
    text = "".join(map(textwrap.dedent, blocks))
    return f"fallback_pool: dach\n{text}".replace("pools:\n", f"pools:\n{others}", 1)


def test_what_the_page_shows_is_a_playbook(tmp_path):
    made = load(playbook_folder(tmp_path, files={"routing.yaml": examples()})).routing
    ann, dach = made.people[ANN], made.pools["dach"]
    assert ann.absent == (Absence(date(2026, 12, 20), date(2027, 1, 3)),)
    assert (ann.caps, ann.open_leads) == ({"hour": 3, "day": 10, "week": 40, "month": 150}, 60)
    assert (dach.catch_up, dach.skip_earlier_owners, dach.if_nobody) == (0, True, "fallback")
    assert dach.members[1].takes is not None
    assert dach.credit is not None
    assert (dach.credit.when.text, dach.credit.reassigned, dach.credit.per_month) == (
        "stage is nurture",
        True,
        5,
    )
    calendar = ann.calendar
    assert calendar is not None
    assert calendar is dach.calendar
    assert calendar.week[0] == (Span(540, 750), Span(810, 1080))
    assert calendar.week[4:] == ((Span(540, 840),), (Span(1320, 1800),), ())
    assert calendar.days == {date(2026, 12, 24): (Span(540, 720),)}
    assert calendar.holidays == {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}
    assert [(one.pool, one.share, one.of_last) for one in made.shares] == [("senior", 0.2, 100)]


@pytest.mark.parametrize(("text", "expected"), [("none", 0), ("full", None), ("{limit: 5}", 5)])
def test_catching_up_is_none_full_or_a_number(tmp_path, text, expected):
    made = load(folder(tmp_path, "", "  all:\n", f"  all:\n    catch_up: {text}\n")).routing
    assert made.pools["all"].catch_up == expected


@pytest.mark.parametrize(
    ("hours", "days"),
    [("mon", [0]), ("mon-fri", [0, 1, 2, 3, 4]), ("sat-mon", [0, 5, 6]), ("Fri - Sun", [4, 5, 6])],
)
def test_days_are_one_or_a_range_that_may_go_over_the_weekend(tmp_path, hours, days):
    text = OFFICE.replace("mon-fri", hours) + f"people: {{{ANN}: {{shifts: office}}}}\n"
    calendar = load(folder(tmp_path, text)).routing.people[ANN].calendar
    assert calendar is not None
    assert [n for n, spans in enumerate(calendar.week) if spans] == days


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            f"people: {{{ANN}: {{shifts: offce}}}}\n" + OFFICE,
            [f'routing.yaml:1:{len(ANN) + 21}: there is no calendar "offce"\n    Did you mean "office"?'],
        ),
        (
            "people: {an@northlight.example: {open_leads: 3}}\n",
            [
                'routing.yaml:1:10: "an@northlight.example" is in no pool and owns no territory\n'
                f'    Did you mean "{ANN}"?'
            ],
        ),
        (
            f"people:\n  {ANN}:\n    absent: [{{from: 2026-12-20, to: 2026-12-02}}]\n",
            [
                "routing.yaml:3:37: 2026-12-02 is before 2026-12-20\n"
                "    The last day away comes after the first, or is the same."
            ],
        ),
        (
            f"people:\n  {ANN}:\n    absent: [{{from: 20.12.2026, to: 2027-01-03}}]\n",
            ['routing.yaml:3:21: "20.12.2026" is no day\n    Write it as 2026-12-24.'],
        ),
        (
            OFFICE.replace("Europe/Berlin", "Berlin"),
            ['routing.yaml:3:16: there is no time zone "Berlin"\n    Write one such as Europe/Berlin.'],
        ),
        (
            OFFICE.replace("mon-fri", "weekdays"),
            [
                'routing.yaml:4:13: "weekdays" is no day of the week\n'
                "    Write a day or a range of days: mon-fri, sat, or sun.",
            ],
        ),
        (
            OFFICE.replace("09:00-17:00", "9-17"),
            [
                'routing.yaml:4:22: "9-17" are no hours\n    Write for example 09:00-17:30, '
                "22:00-06:00 for a night, or 00:00-24:00 for the whole day.",
            ],
        ),
        (
            OFFICE.replace("}", ", fri: 09:00-13:00}"),
            ['routing.yaml:4:35: fri has hours already, by "mon-fri"\n    Name each day once.'],
        ),
        (
            OFFICE + "    holidays: [DE]\n",
            ['routing.yaml:5:16: there are no holidays of "DE"\n    List its days under holidays.'],
        ),
        (
            OFFICE + "    days: {24.12.2026: 09:00-12:00}\n",
            ['routing.yaml:5:12: "24.12.2026" is no day\n    Write it as 2026-12-24.'],
        ),
        (
            "shares: [{name: Top, when: {score: {at_least: 80}}, pool: senor, share: 0.2}]\n",
            ['routing.yaml:1:59: there is no pool "senor"\n    Known: all.'],
        ),
        (
            "shares: [{name: Top, when: {score: {at_least: 80}}, pool: all, share: 0.01, of_last: 50}]\n",
            [
                "routing.yaml:1:71: 0.01 of the last 50 is less than one lead: the pool never gets any\n"
                "    Write of_last: 100 or more."
            ],
        ),
        (
            "shares: [{name: Top, when: {score: {at_least: 80}}, pool: all, share: 0.0009}]\n",
            [
                "routing.yaml:1:71: 0.0009 of the last 100 is less than one lead: the pool never gets any\n"
                "    Write a larger share."
            ],
        ),
        (
            "sticky: account\n",
            [
                "routing.yaml:1:9: without accounts no company is known\n"
                "    Add account to handlers in pipeline.yaml, or write sticky: none."
            ],
        ),
    ],
)
def test_a_slip_of_the_pen_has_its_place(tmp_path, text, lines):
    assert faults(tmp_path, text) == lines


@pytest.mark.parametrize("share", ["0.2, of_last: 5", "0.01", "0.001, of_last: 1000", "1"])
def test_a_share_of_one_lead_is_one(tmp_path, share):
    text = f"shares: [{{name: Top, when: {{score: {{at_least: 80}}}}, pool: all, share: {share}}}]\n"
    assert faults(tmp_path, text) == []


@pytest.mark.parametrize("wait", ["0d", "31d"])
def test_a_wait_is_more_than_none_and_ends(tmp_path, wait):
    office = "calendars: {office: {time_zone: Europe/Berlin, hours: {mon-fri: 09:00-17:00}}}\n"
    pool = f"  all:\n    shifts: office\n    if_nobody: queue_until_shift\n    longest_wait: {wait}\n"
    found = faults(tmp_path, office, "  all:\n", pool)
    assert [line.partition(": ")[2] for line in found] == [
        f'"{wait}" is no time that a lead should wait\n    Write 1m to 30d.'
    ]


@pytest.mark.parametrize("setting", ["caps: {per_day: 3}", "open_leads: 20"])
def test_a_lead_can_wait_for_the_end_of_a_cap_too(tmp_path, setting):
    people = f"people:\n  ann@northlight.example: {{{setting}}}\n"
    pool = "  all:\n    if_nobody: queue_until_shift\n"
    assert faults(tmp_path, people, "  all:\n", pool) == []


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("catch_up: some", '11:15: "some" is not possible here: write none, full or {limit: 5}'),
        ("shifts: late", '11:13: there is no calendar "late"\n    Describe it under calendars.'),
        (
            "if_nobody: wait",
            '11:16: "wait" is not possible here\n    Known: fallback, any_member, ask, queue_until_shift.',
        ),
        (
            "if_nobody: queue_until_shift",
            '11:16: the pool "all" has no shifts or caps whose end a lead could wait for\n'
            "    Give the pool shifts, or its members shifts, caps or open_leads; or if_nobody: fallback.",
        ),
        (
            "longest_wait: 2d",
            "11:19: nobody waits in this pool\n"
            "    Write if_nobody: queue_until_shift, or leave longest_wait out.",
        ),
    ],
)
def test_a_slip_in_a_pool_has_its_place(tmp_path, setting, line):
    found = faults(tmp_path, "", "  all:\n", f"  all:\n    {setting}\n")
    assert found == [f"routing.yaml:{line}"]
