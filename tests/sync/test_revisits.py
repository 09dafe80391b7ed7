"""Leads that another playbook is about are looked at again, a few at a time and each once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from handlers.registry import build
from mappings.compile import load, texts_of
from mappings.revisiting import BAND, OWNER, SCORE, Concern
from mappings.starter import write_starter
from model.errors import Conflict
from model.event import EventKind
from sync import explain, inbox, register, revisits, tables, timers
from sync.deciding.pipeline import Pipeline
from sync.register import APPLY, Wish
from tests.sync.clock import FakeClock
from tests.sync.house import a_decider, a_house, a_post
from tests.sync.stores import rows

DEMO = b"{name: Demo requested, group: intent, points: 30, activity: demo_request"
MANY = revisits.MOST + 20


@pytest.fixture
def house(store):
    """A house with leads whose scores, stages and owners are set behind its back."""
    house = a_house(store)
    for n in range(4):
        house.post(email=f"p{n}@example.com")
    house.decide()
    return house


def set_to(house, n: int, **values) -> None:
    of = sa.update(tables.leads).where(tables.leads.c.email == f"p{n}@example.com")
    house.store.write(lambda connection: connection.execute(of.values(**values)))


def begin(house, *concerns: Concern, version: int = 2) -> None:
    now = house.clock.now()
    house.store.write(lambda connection: revisits.begin(connection, "main", version, concerns, now))


def step(house) -> int:
    house.clock.advance(1)
    return revisits.step(house.store, "main", house.clock.now())


def handed_in(house) -> list[str]:
    kinds = [row for row in rows(house.store, tables.inbox_events) if row["kind"] == str(EventKind.TIMER)]
    names = {row["id"]: row["email"].partition("@")[0] for row in rows(house.store, tables.leads)}
    return sorted(names[row["lead_id"]] for row in kinds)


@pytest.mark.parametrize(
    ("concern", "whom"),
    [
        (Concern(BAND, 20, 60), ["p0"]),
        (Concern(BAND, 20), ["p0", "p1"]),
        (Concern(OWNER, stages=("mql", "sal")), ["p2"]),
        (Concern(SCORE), ["p0", "p1", "p2", "p3"]),
    ],
)
def test_those_are_looked_at_whom_it_concerns(house, concern, whom):
    for n, (score, owner, stage) in enumerate(
        [(20, "ann@example.com", "mql"), (60, "", "suspect"), (0, None, "sal"), (0, "bo@example.com", "mql")]
    ):
        set_to(house, n, score=score, owner=owner, stage=stage)
    begin(house, concern)
    assert [step(house), step(house)] == [len(whom), 0]
    assert handed_in(house) == whom
    house.decide()
    assert {row["state"] for row in rows(house.store, tables.inbox_events)} <= {"new", "done"}


def test_a_walk_takes_a_few_at_a_time_behind_what_waits_and_ends(house):
    for n in range(4, MANY):
        house.post(email=f"p{n}@example.com")
    begin(house, Concern(SCORE))
    assert step(house) == 0  # the posts wait
    house.decide()
    assert step(house) == revisits.MOST
    assert step(house) == 0
    house.decide()
    assert house.status().revisit == revisits.Revisit(2, revisits.MOST, house.status().revisit.begun_at)
    assert [step(house), house.decide(), step(house)] == [20, 20, 0]
    assert len(set(handed_in(house))) == len(handed_in(house)) == MANY
    assert house.status().revisit is None


def test_two_processes_that_walk_hand_each_lead_in_once(house, monkeypatch):
    begin(house, Concern(SCORE))
    with house.store.snapshot() as snapshot:
        walk = revisits.current(snapshot, "main")
    assert step(house) == 4
    monkeypatch.setattr(revisits, "current", lambda *_: walk)
    with pytest.raises(Conflict):
        step(house)
    assert len(handed_in(house)) == 4


def test_a_version_that_comes_while_a_walk_goes_on_takes_over_what_is_left_of_it(house):
    begin(house, Concern(BAND, 1000))
    begin(house, Concern(SCORE), version=3)
    with house.store.snapshot() as snapshot:
        walk = revisits.current(snapshot, "main")
    assert (walk.object, len(walk.fields)) == ("3", 2)
    assert step(house) == 4


def test_points_that_shall_go_from_now_on_go_without_another_event(store, tmp_path):
    """The demo was asked for a month ago, and nothing happened to the lead since."""
    clock = FakeClock()
    write_starter(tmp_path / "playbook")
    texts, playbook = texts_of(tmp_path / "playbook"), load(tmp_path / "playbook")
    decider = a_decider(store, clock, lambda: Pipeline(playbook, build(playbook)))
    faded = texts["scoring.yaml"].replace(DEMO, DEMO + b", decay: {expires_after: 60d}")
    post = a_post("1", clock.now(), email="ada@ada.example", last_name="Lovelace", form_type="demo")

    def bring(files) -> None:
        register.hand_in(store, "main", files, Wish(APPLY, "ada"), clock.now())
        while decider.decide_batch():
            pass

    bring(texts)
    inbox.append(store, [post])
    decider.decide_batch()
    clock.advance(timedelta(days=30).total_seconds())
    bring({**texts, "scoring.yaml": texts["scoring.yaml"].replace(DEMO, DEMO.replace(b"30", b"31"))})
    with store.snapshot() as snapshot:
        assert revisits.progress(snapshot, "main") is None
    bring({**texts, "scoring.yaml": faded})
    assert revisits.step(store, "main", clock.now()) == 1
    decider.decide_batch()
    [lead] = rows(store, tables.leads)
    with store.snapshot() as snapshot:
        story = explain.read(snapshot, lead["id"])
        kinds = timers.count(snapshot, "main", clock.now()).by_kind
    assert kinds == {"score": 1}
    assert story.timers[0].due_at <= clock.now() + timedelta(days=31)
    assert "version 3 has other rules for such leads" in [one["text"] for one in story.chapters[-1].reasons]
