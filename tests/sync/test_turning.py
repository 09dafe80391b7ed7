"""What is before the event of a playbook is decided by the old one, what is behind it by the new one."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa

from handlers.registry import build
from mappings.compile import load, texts_of, version_of
from mappings.starter import write_starter
from model.errors import StoreBusy
from model.event import EventState
from sync import explain, inbox, register, ruling, tables
from sync.deciding.pipeline import Pipeline
from sync.register import APPLY, FOLDER, ROLLBACK, Wish
from tests.sync.clock import FakeClock
from tests.sync.house import a_decider, a_post

RULE = b"{name: Demo requested, group: intent, points: 30"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path):
    write_starter(tmp_path / "playbook")
    return tmp_path / "playbook"


@pytest.fixture
def texts(folder):
    return texts_of(folder)


@pytest.fixture
def decider(store, clock, folder):
    playbook = load(folder)
    return a_decider(store, clock, lambda: Pipeline(playbook, build(playbook)))


def worth(texts, points: int):
    scoring = texts["scoring.yaml"]
    assert RULE in scoring
    return texts | {"scoring.yaml": scoring.replace(RULE, RULE.replace(b"30", str(points).encode()))}


def post(store, clock, name: str) -> None:
    event = a_post(name, clock.now(), email=f"{name}@{name}.example", last_name="Lovelace", form_type="demo")
    inbox.append(store, [event])


def bring(store, clock, texts, how=APPLY, **given) -> bool:
    return register.hand_in(store, "main", texts, Wish(how, "ada", **given), clock.now())


def drain(decider) -> None:
    while decider.decide_batch():
        pass


def stories(store) -> dict[str, tuple[int, str, int]]:
    """Return by the lead's last name part: version, its hash, score."""
    with store.snapshot() as snapshot:
        found = {}
        for lead_id, address in snapshot.execute(sa.select(tables.leads.c.id, tables.leads.c.email)):
            story = explain.read(snapshot, lead_id)
            [chapter] = story.chapters
            found[address.partition("@")[0]] = (chapter.version, chapter.playbook, story.lead.score)
        return found


def listed(store):
    with store.snapshot() as snapshot:
        return register.listed(snapshot, "main")


def test_each_event_is_decided_by_the_version_before_it(store, clock, decider, texts):
    second = worth(texts, 33)
    bring(store, clock, texts)
    post(store, clock, "one")
    bring(store, clock, second, note="demo counts more")
    post(store, clock, "two")
    post(store, clock, "three")
    bring(store, clock, texts, ROLLBACK)
    post(store, clock, "four")
    drain(decider)
    one, two = version_of(texts), version_of(second)
    found = stories(store)
    assert {name: each[:2] for name, each in found.items()} == {
        "one": (1, one),
        "two": (2, two),
        "three": (2, two),
        "four": (3, one),
    }
    assert found["two"][2] == found["one"][2] + 3 == found["four"][2] + 3
    assert [
        (each.version.number, each.decided, each.is_current, each.version.note) for each in listed(store)
    ] == [
        (3, 1, True, ""),
        (2, 2, False, "demo counts more"),
        (1, 1, False, ""),
    ]


def test_a_long_name_of_who_applied_is_cut(store, clock, decider, texts):
    register.hand_in(store, "main", worth(texts, 29), Wish(APPLY, "ada" * 100), clock.now())
    drain(decider)
    assert listed(store)[0].version.by == ("ada" * 100)[:128]


def test_files_of_a_version_are_kept_as_they_were(store, clock, decider, texts):
    bring(store, clock, texts)
    bring(store, clock, worth(texts, 33))
    drain(decider)
    with store.snapshot() as snapshot:
        assert register.texts_of(snapshot, register.find(snapshot, "main", "1")) == texts
        assert register.texts_of(snapshot, register.current(snapshot, "main")) == worth(texts, 33)
        kept = snapshot.execute(sa.select(sa.func.count()).select_from(tables.playbook_files)).scalar_one()
    assert kept == len(texts) + 1  # each text once


def test_another_decider_goes_on_with_the_version_in_force(store, clock, decider, texts):
    bring(store, clock, texts)
    bring(store, clock, worth(texts, 33))
    drain(decider)
    other = a_decider(store, clock, decider.pipeline, "elsewhere")  # whose process has the folder's
    post(store, clock, "one")
    drain(other)
    assert stories(store)["one"][0] == 2


def test_thresholds_change_with_the_word_of_who_is_to_be_asked_and_that_is_kept(store, clock, decider, texts):
    asked = texts | {"scoring.yaml": texts["scoring.yaml"] + b"sign_off: [Olga]\n"}
    hotter = asked | {"scoring.yaml": asked["scoring.yaml"].replace(b"hot: {up: 60", b"hot: {up: 65")}
    bring(store, clock, asked, FOLDER)  # the first version of a store
    bring(store, clock, hotter)
    bring(store, clock, hotter, FOLDER)
    bring(store, clock, hotter, signed_off=("Olga",))
    bring(store, clock, asked, ROLLBACK)  # it was in force once
    drain(decider)
    found = [one.version for one in listed(store)]
    assert [(one.number, one.how, list(one.signed_off)) for one in found] == [
        (3, ROLLBACK, []),
        (2, APPLY, ["Olga"]),
        (1, FOLDER, []),
    ]
    c = tables.inbox_events.c
    with store.snapshot() as snapshot:
        refused = snapshot.execute(sa.select(c.error).where(c.state == str(EventState.DEAD))).scalars().all()
    assert len(refused) == 2
    assert all(
        "thresholds have changed without the word of Olga: band hot: from 60" in one for one in refused
    )


def test_a_playbook_that_cannot_be_read_changes_nothing_and_is_seen(store, clock, decider, texts):
    bring(store, clock, texts)
    bring(store, clock, worth(texts, 33) | {"pipeline.yaml": b"handlers: [nonsense]\n"})
    post(store, clock, "one")
    drain(decider)
    assert stories(store)["one"][0] == 1
    with store.snapshot() as snapshot:
        c = tables.inbox_events.c
        [row] = snapshot.execute(sa.select(c.error, c.cause).where(c.state == str(EventState.DEAD)))
    assert row.cause == "PLAYBOOK_UNUSABLE"
    assert "version 1 (" in row.error
    assert 'pipeline.yaml:1:12: there is no handler "nonsense"' in row.error


def test_a_version_that_makes_this_leadrelay_stumble_sets_no_event_aside(
    store, clock, decider, texts, monkeypatch
):
    bring(store, clock, texts)
    drain(decider)

    def stumbles(_texts):
        raise KeyError("a setting of tomorrow")

    monkeypatch.setattr(register, "load_texts", stumbles)
    post(store, clock, "one")
    other = a_decider(store, clock, decider.pipeline, "elsewhere")
    drain(other)
    bring(store, clock, worth(texts, 33), once="tomorrow")
    drain(other)
    with store.snapshot() as snapshot:
        c = tables.inbox_events.c
        states = [str(state) for state in snapshot.scalars(sa.select(c.state).order_by(c.id))]
        wish = register.event_id(Wish(APPLY, "ada", once="tomorrow"), version_of(worth(texts, 33)))
        refused = register.ending(snapshot, "main", wish)
    assert states == ["done", "new", "dead"]
    assert (refused.version, "KeyError: 'a setting of tomorrow'" in refused.error) == (None, True)


def test_a_version_whose_files_are_lost_gives_way_to_what_the_process_has(store, clock, decider, texts):
    bring(store, clock, texts)
    drain(decider)
    store.write(lambda connection: connection.execute(sa.delete(tables.playbook_files)))
    post(store, clock, "one")
    drain(a_decider(store, clock, decider.pipeline, "elsewhere"))
    assert len(stories(store)) == 1


def test_the_same_wish_of_two_processes_is_one(store, clock, decider, texts):
    assert bring(store, clock, texts, FOLDER, once="0:")
    assert not bring(store, clock, texts, FOLDER, once="0:")
    drain(decider)
    assert len(listed(store)) == 1


def test_what_the_folder_holds_is_noted_where_it_is_in_force_already(store, clock, decider, texts):
    bring(store, clock, texts, FOLDER)
    bring(store, clock, worth(texts, 33), APPLY)
    drain(decider)
    assert listed(store)[0].version.folder == version_of(texts)
    bring(store, clock, worth(texts, 33), FOLDER)
    drain(decider)
    assert [each.version.number for each in listed(store)] == [2, 1]
    assert listed(store)[0].version.folder == version_of(worth(texts, 33))


def test_a_lost_answer_of_the_save_leaves_no_decider_with_the_old_version(store, clock, decider, texts):
    bring(store, clock, texts)
    drain(decider)
    bring(store, clock, worth(texts, 33))
    write, lost = store.write, []

    def and_lose_it(work):
        write(work)
        lost.append(work)
        raise StoreBusy("nobody knows")

    fumbling = dataclasses.replace(decider, store=_Losing(store, and_lose_it))
    with pytest.raises(StoreBusy):
        fumbling.decide_batch()
    fumbling.store = store
    post(store, clock, "one")
    drain(fumbling)
    assert lost
    assert stories(store)["one"][0] == 2


class _Losing:
    """A store whose saves are done, and whose answers are lost."""

    def __init__(self, store, write) -> None:
        self._store, self.write = store, write

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.mark.parametrize(("name", "number"), [("1", 1), ("2", 2), ("3", None), ("", None), ("abc", None)])
def test_a_version_is_found_by_its_number(store, clock, decider, texts, name, number):
    bring(store, clock, texts)
    bring(store, clock, worth(texts, 33))
    drain(decider)
    with store.snapshot() as snapshot:
        found = register.find(snapshot, "main", name)
    assert (found and found.number) == number


def test_a_version_is_found_by_the_beginning_of_its_hash_the_newest_of_several(store, clock, decider, texts):
    bring(store, clock, texts)
    bring(store, clock, worth(texts, 33))
    bring(store, clock, texts)
    drain(decider)
    with store.snapshot() as snapshot:
        assert register.find(snapshot, "main", version_of(texts)[:6].upper()).number == 3


def test_each_rule_of_an_old_decision_is_told_by_the_version_that_made_it(store, clock, decider, texts):
    bring(store, clock, texts)
    post(store, clock, "one")
    bring(
        store,
        clock,
        worth(texts, 33)
        | {"scoring.yaml": worth(texts, 33)["scoring.yaml"].replace(b"Demo requested", b"Demo wanted")},
    )
    drain(decider)
    with store.snapshot() as snapshot:
        lead_id = snapshot.execute(sa.select(tables.leads.c.id)).scalar_one()
        story = explain.read(snapshot, lead_id)
        [rules] = ruling.ruled(snapshot, "main", story.chapters).values()
    named = {one.name: one for one in rules}
    assert list(named["Demo requested"].lines()) == [
        "took      Demo requested",
        "  did demo_request: true, was once",
    ]
    assert "Demo wanted" not in named
    assert list(named["blocked_domains"].lines()) == [
        "no        blocked_domains",
        "  e-mail domain is in blocked_domains: false, was …@one.example",
    ]
    assert named["contents"].holds is False
    [turn] = [one for one in story.chapters[0].reasons if "candidates" in one]
    assert [one["took"] for one in turn["candidates"]].count(True) == 1
    assert "facts" not in story.as_dict()["events"][0]


def test_what_a_post_was_set_aside_for_is_told_by_the_version_that_did_it(store, clock, decider, texts):
    bring(store, clock, texts)
    bad = a_post("bad", clock.now(), email="eve@mailinator.com", last_name="Eve", form_type="demo")
    inbox.append(store, [bad])
    allowed = texts["screening.yaml"].replace(b"disposable: spam", b"disposable: allow")
    bring(store, clock, texts | {"screening.yaml": allowed})
    drain(decider)
    with store.snapshot() as snapshot:
        [aside] = explain.set_aside_list(snapshot, "main")
        found = {one.name: one for one in ruling.screened(snapshot, "main", aside["id"])}
    assert (aside["state"], found["disposable"].took) == ("spam", True)
    assert found["disposable"].asks[0].was == "e-mail domain is of a throw-away service"
    assert [name for name, one in found.items() if one.took] == ["disposable"]


def test_what_a_gate_kept_back_is_looked_at_again_under_other_gates(store, clock, decider, texts):
    strict = texts["consent.yaml"].replace(
        b"    needs: sales_call\n    basis: legitimate_interest", b"    needs: sales_call\n    basis: consent"
    )
    assert strict != texts["consent.yaml"]
    bring(store, clock, texts | {"consent.yaml": strict})
    post(store, clock, "one")
    drain(decider)

    def states() -> set[str]:
        with store.snapshot() as snapshot:
            c = tables.outbox_effects.c
            return set(snapshot.scalars(sa.select(c.state).where(c.kind == "task")))

    assert states() == {"withheld"}
    bring(store, clock, worth(texts, 33) | {"consent.yaml": strict})
    drain(decider)
    assert states() == {"withheld"}  # the same gates
    bring(store, clock, texts)
    drain(decider)
    assert states() == {"waiting"}
