"""Whom a change of the playbook concerns, though nothing happens to them."""

from __future__ import annotations

import pytest

from mappings.compile import load_texts, texts_of
from mappings.revisiting import Concern, concerns
from mappings.starter import write_starter

DEMO = b"{name: Demo requested, group: intent, points: 30, activity: demo_request"
HOURS = b"calendars: {all: {time_zone: UTC, hours: {mon-fri: 09:00-17:00}}}\n"
EMEA = b"pools:\n  emea:\n"
QUEUES = HOURS + EMEA + b"    shifts: all\n    if_nobody: queue_until_shift\n"
REVIEW = (
    b"review: {band: warm, approve: {to: mql}, "
    b"disqualify: {to: disqualified, reason: why, reasons: [Budget]}}\n"
)
ON_THE_WAY = ("suspect", "prospect", "mql", "sal", "sql", "customer")


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starter") / "playbook"
    write_starter(folder)
    return texts_of(folder)


def edited(texts, file, old, new):
    assert old in texts[file]
    return {**texts, file: texts[file].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("scoring.yaml", DEMO, DEMO + b", decay: {expires_after: 30d}", [Concern("score")]),
        ("scoring.yaml", b"warm: {up: 30, down: 20, after: 7d}", b"warm: {up: 30, down: 20, after: 8d}",
         [Concern("score")]),
        ("scoring.yaml", DEMO, DEMO.replace(b"30", b"33"), []),
        ("scoring.yaml", b"groups:", b"# a comment\ngroups:", []),
        ("routing.yaml", EMEA, QUEUES, [Concern("owner", stages=ON_THE_WAY)]),
        ("routing.yaml", EMEA, HOURS + EMEA + b"    shifts: all\n", []),
    ],
    ids=["decay", "bands in time", "points", "comment", "queue", "shifts without a queue"],
)  # fmt: skip
def test_what_changes_with_time_or_waits_is_looked_at_whichever_way_it_changed(
    starter, file, old, new, expected
):
    after = edited(starter, file, old, new)
    here, there = load_texts(starter), load_texts(after)
    assert concerns(here, there, starter, after) == expected
    assert concerns(there, here, after, starter) == expected


def test_routing_that_queues_is_looked_at_however_it_changed(starter):
    queues = edited(starter, "routing.yaml", EMEA, QUEUES)
    fewer = edited(queues, "routing.yaml", b"      - farid.haddad@northlight.example\n", b"")
    assert [one.kind for one in concerns(load_texts(queues), load_texts(fewer), queues, fewer)] == ["owner"]


def test_a_review_is_about_who_has_a_score_of_its_band_now_or_before(starter):
    reviewed = edited(starter, "lifecycle.yaml", b"start: suspect\n", b"start: suspect\n" + REVIEW)
    reviewed = edited(reviewed, "fields.yaml", b"fields:", b"fields:\n  why: {type: text, description: Why.}")
    bands = edited(reviewed, "scoring.yaml", b"warm: {up: 30, down: 20", b"warm: {up: 25, down: 15")
    plain, here, there = map(load_texts, (starter, reviewed, bands))
    assert concerns(plain, here, starter, reviewed) == [Concern("band", 20, 60)]
    assert concerns(here, plain, reviewed, starter) == [Concern("band", 20, 60)]
    both = [Concern("score"), Concern("band", 20, 60), Concern("band", 15, 60)]
    assert concerns(here, there, reviewed, bands) == both
