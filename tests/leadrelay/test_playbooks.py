"""A reload takes in everything but what the parts built at the start cannot follow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from leadrelay.clock import SystemClock
from leadrelay.playbooks import LACK_LASTS, PlaybookHolder
from mappings.problems import PlaybookError, Problem
from model.decision import Place
from model.errors import LeadRelayError
from sync import leases, register
from sync.database import Store, open_store
from sync.deciding.decider import TERM, Decider
from sync.register import APPLY, ROLLBACK, Wish
from tests.sync.clock import FakeClock

AFTER = "This takes effect after a restart; until then the playbook stays in force as it was."


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} does not say {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def of_other_kind(folder: Path) -> None:
    change(folder, "crm/hubspot.yaml", "kind: hubspot", "kind: salesforce")
    change(folder, "crm/hubspot.yaml", "account: companies", "account: Account")
    change(folder, "crm/hubspot.yaml", "\n  companies:", "\n  Account:")
    change(folder, "crm/hubspot.yaml", "  activities: {calls: 1m", "  # activities: {calls: 1m")
    change(folder, "crm/hubspot.yaml", "deal: deals", "deal: Opportunity")
    change(folder, "crm/hubspot.yaml", "\n  deals:", "\n  Opportunity:")


def copied(folder: Path, file: str, name: str) -> None:
    shutil.copy(folder / file, folder / name)
    change(folder, name, "connection: hubspot", "connection: second")


@pytest.fixture
def store(empty_store: str) -> Iterator[Store]:
    opened = open_store(empty_store)
    yield opened
    opened.close()


def a_holder(folder: Path, store: Store) -> PlaybookHolder:
    """Start as a process does."""
    holder = PlaybookHolder(folder)
    holder.join(store, SystemClock(), "main", lambda: True)
    return holder


@pytest.fixture
def holder(playbook: Path, store: Store) -> PlaybookHolder:
    """A process whose playbook is the first version of its store."""
    holder = a_holder(playbook, store)
    assert looked(holder, store)
    return holder


def looked(holder: PlaybookHolder, store: Store) -> bool:
    """Let it look at its files, decide what it handed in, and let it follow; whether there was something."""
    handed_in = holder.look()
    decide(holder, store)
    holder.look()
    return handed_in


def decide(holder: PlaybookHolder, store: Store) -> None:
    now = SystemClock().now()
    lease = leases.acquire(store, "decider:main", "test", now, TERM, alone=True)
    decider = Decider(store, SystemClock(), lease, holder.pipeline)
    while decider.decide_batch():
        pass


def versions(store: Store) -> list[tuple[int, str, str]]:
    with store.snapshot() as snapshot:
        return [
            (one.version.number, one.version.how, one.version.hash)
            for one in register.listed(snapshot, "main")
        ]


def test_where_edits_do_not_count_the_folder_is_the_first_version_and_no_other(playbook, store):
    holder = PlaybookHolder(playbook)
    holder.join(store, SystemClock(), "main", lambda: True, edits_count=False)
    assert looked(holder, store)
    first = holder.playbook().version
    assert (holder.aside(), versions(store)) == ("", [(1, "folder", first)])
    change(playbook, "scoring.yaml", "points: 30", "points: 29")
    assert not looked(holder, store)
    assert "LEADRELAY_WATCH_PLAYBOOK=false" in holder.aside()
    again = PlaybookHolder(playbook)  # after a restart
    again.join(store, SystemClock(), "main", lambda: True, edits_count=False)
    assert not looked(again, store)
    assert (again.playbook().version, versions(store)) == (first, [(1, "folder", first)])
    assert again.aside() == holder.aside()


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (
            lambda folder: (folder / "crm/salesforce.yaml").unlink(),
            'crm/salesforce.yaml:8:1: the connection "salesforce" is gone',
        ),
        (
            lambda folder: copied(folder, "crm/hubspot.yaml", "crm/second.yaml"),
            'crm/second.yaml:10:1: the connection "second" is new',
        ),
        (
            of_other_kind,
            'crm/hubspot.yaml:10:1: the connection "hubspot" has changed in kind and limits',
        ),
        (
            lambda folder: change(folder, "crm/hubspot.yaml", "burst_calls:", "burst_calls: 1 #"),
            'crm/hubspot.yaml:10:1: the connection "hubspot" has changed in limits',
        ),
        (
            lambda folder: change(folder, "crm/salesforce.yaml", "LeadRelay_Id__c", "Other_Id__c"),
            'crm/salesforce.yaml:8:1: the connection "salesforce" has changed in id_field',
        ),
    ],
)
def test_a_change_of_the_connections_waits_for_a_restart(holder, store, edit, complaint):
    before = holder.pipeline()
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    edit(holder.folder)
    with capture_logs() as lines:
        assert [looked(holder, store) for _ in range(3)] == [False] * 3
    assert holder.pipeline() is before  # what else was changed waits, too
    assert [(line["event"], line["log_level"]) for line in lines] == [("playbook.kept_old", "error")]
    said = f"the files on disk have 1 problem: {complaint}\n    {AFTER}"
    assert holder.complaint() == f"version {before.playbook.version} keeps running; {said}"


def test_any_other_change_of_a_map_is_taken_in(holder, store):
    change(holder.folder, "crm/hubspot.yaml", "authority: newest", "authority: crm")
    assert looked(holder, store)
    assert holder.complaint() is None


def test_a_change_taken_back_ends_the_complaint_and_the_rest_is_taken_in(holder, store):
    kept = (holder.folder / "crm/salesforce.yaml").read_bytes()
    (holder.folder / "crm/salesforce.yaml").unlink()
    assert not looked(holder, store)
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    (holder.folder / "crm/salesforce.yaml").write_bytes(kept)
    assert looked(holder, store)
    assert holder.complaint() is None


def test_thresholds_that_nobody_signed_off_wait_also_over_a_restart(playbook, store):
    change(playbook, "scoring.yaml", "write_back:", "sign_off: [Olga]\nwrite_back:")
    holder = a_holder(playbook, store)
    assert looked(holder, store)
    first = holder.playbook().version
    change(playbook, "scoring.yaml", "hot: {up: 60", "hot: {up: 65")
    assert not looked(holder, store)
    assert "thresholds have changed without the word of Olga: band hot" in holder.complaint()
    again = a_holder(playbook, store)
    assert (again.playbook().version, again.playbook().number) == (first, 1)
    assert not looked(again, store)
    assert "without the word of Olga" in again.complaint()
    texts = {name: text.encode() for name, text in again.files() if not name.startswith("tests/")}
    again.hand_in(texts, Wish(APPLY, "ada", signed_off=("Olga",)))
    decide(again, store)
    assert looked(again, store)  # the folder counts as it is in force by now
    assert not looked(again, store)
    assert (again.complaint(), again.aside(), again.playbook().number) == (None, "", 2)


def test_several_problems_are_counted(holder, store):
    change(holder.folder, "scoring.yaml", "points: 30", "points: thirty")
    change(holder.folder, "screening.yaml", "disposable: spam", "disposable: ham")
    assert not looked(holder, store)
    problems = len(holder.problem.problems)
    assert problems > 1
    assert f"the files on disk have {problems} problems, first: scoring.yaml:" in holder.complaint()


def bring(holder: PlaybookHolder, store: Store, how: str, texts: dict[str, bytes]) -> None:
    holder.hand_in(texts, Wish(how, "ada"))
    decide(holder, store)
    holder.look()


def of_version(store: Store, number: int) -> dict[str, bytes]:
    with store.snapshot() as snapshot:
        found = register.find(snapshot, "main", str(number))
        assert found is not None
        return register.texts_of(snapshot, found)


def test_a_folder_undoes_neither_an_apply_nor_a_rollback(holder, store):
    first = holder.playbook().version
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    assert looked(holder, store)
    second = holder.playbook().version
    bring(holder, store, ROLLBACK, of_version(store, 1))
    assert (holder.playbook().number, holder.playbook().version) == (3, first)
    assert not looked(holder, store)
    assert (
        f"the folder holds {second}, which is not in force: 3 ({first}) was made current by ada"
        in holder.aside()
    )
    again = a_holder(holder.folder, store)  # a restart
    assert not looked(again, store)
    assert (again.playbook().number, again.playbook().version) == (3, first)
    applied = of_version(store, 1) | {"screening.yaml": b"# ours\n" + of_version(store, 1)["screening.yaml"]}
    bring(again, store, APPLY, applied)
    assert not looked(again, store)
    assert again.playbook().number == 4


def test_a_folder_that_changes_after_a_rollback_counts_again(holder, store):
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    assert looked(holder, store)
    bring(holder, store, ROLLBACK, of_version(store, 1))
    change(holder.folder, "scoring.yaml", "points: 29", "points: 28")
    assert looked(holder, store)
    assert [(number, how) for number, how, _ in versions(store)] == [
        (4, "folder"),
        (3, "rollback"),
        (2, "folder"),
        (1, "folder"),
    ]
    assert holder.aside() == ""


def test_a_folder_that_was_brought_to_what_is_in_force_has_counted(holder, store):
    """Else a later rollback would be undone by the next start."""
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    texts = {name: (holder.folder / name).read_bytes() for name in of_version(store, 1)}
    bring(holder, store, APPLY, texts)
    looked(holder, store)  # handed in, and only noted
    assert holder.playbook().number == 2
    bring(holder, store, ROLLBACK, of_version(store, 1))
    again = a_holder(holder.folder, store)
    assert not looked(again, store)
    assert again.playbook().number == 3


def test_a_folder_that_was_changed_while_nothing_ran_counts_at_the_start(holder, store):
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    again = a_holder(holder.folder, store)
    assert looked(again, store)
    assert again.playbook().number == 2


def test_a_start_with_a_broken_folder_goes_on_with_what_was_in_force(holder, store):
    change(holder.folder, "scoring.yaml", "points: 30", "points: thirty")
    with capture_logs() as lines:
        again = a_holder(holder.folder, store)
    assert [line["event"] for line in lines] == ["playbook.kept_old"]
    assert (again.playbook().number, again.playbook().version) == (1, holder.playbook().version)
    assert "the files on disk have 1 problem: scoring.yaml:" in again.complaint()


def test_a_start_with_a_broken_folder_and_an_empty_store_is_none(playbook, store):
    change(playbook, "scoring.yaml", "points: 30", "points: thirty")
    with pytest.raises(PlaybookError):
        a_holder(playbook, store)


def test_a_process_that_does_not_watch_follows_the_one_that_does(holder, store):
    other = PlaybookHolder(holder.folder)
    other.join(store, SystemClock(), "main", lambda: False)
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    assert not other.look()
    assert looked(holder, store)
    assert not other.look()
    assert (other.playbook().number, other.playbook().version) == (2, holder.playbook().version)


def test_what_needs_a_restart_is_not_brought_by_a_command_either(holder, store):
    texts = {name: raw for name, raw in of_version(store, 1).items() if name != "crm/salesforce.yaml"}
    with pytest.raises(LeadRelayError) as refusal:
        holder.hand_in(texts, Wish(APPLY, "ada"))
    assert 'the connection "salesforce" is gone' in str(refusal.value)


def test_a_folder_that_waits_for_a_field_is_taken_once_it_is_there(playbook, store):
    clock = FakeClock()
    holder = PlaybookHolder(playbook)
    holder.join(store, clock, "main", lambda: True)
    assert looked(holder, store)
    answers = [[Problem(Place("crm/salesforce.yaml", 62, 7), "it has no such field")], []]
    holder.lacks = lambda _found, _running: answers.pop(0)
    change(playbook, "scoring.yaml", "points: 30", "points: 31")
    assert not looked(holder, store)
    assert "it has no such field" in holder.complaint()
    assert not looked(holder, store)  # it is not asked at each look
    clock.advance(LACK_LASTS.total_seconds())
    assert looked(holder, store)
    assert (holder.complaint(), answers) == (None, [])
