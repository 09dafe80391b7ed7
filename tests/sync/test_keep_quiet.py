"""What was to be told and is not: the reasons say so, too."""

from __future__ import annotations

from model.decision import Because, OneShot, Reason
from model.event import Event, EventKind, EventState, StoredEvent
from model.times import EPOCH
from sync.result import Result, keep_quiet

STORED = StoredEvent(1, Event("web", "1", EventKind.INTAKE, {}, EPOCH, EPOCH), 0, EPOCH, 1)
TASK = OneShot(key="k", kind="task", target="hubspot", payload={})


def test_a_task_that_is_left_out_is_no_task_in_the_reasons():
    reasons = [
        Reason("score", Because("+30 Demo")),
        Reason("follow_up", Because("task for ann@x.example in hubspot: Call")),
    ]
    result = Result(STORED, EventState.NEW, effects=[TASK], reasons=reasons)
    keep_quiet(result, "imported from a file")
    assert result.effects == []
    assert [one.because.text for one in result.reasons] == [
        "+30 Demo",
        "not done: task for ann@x.example in hubspot: Call",
        "imported from a file: no task is made, nobody is told",
    ]


def test_where_nothing_was_to_be_told_the_reasons_stay():
    result = Result(STORED, EventState.NEW, reasons=[Reason("follow_up", Because("test lead: nobody"))])
    keep_quiet(result, "imported from a file")
    assert [one.because.text for one in result.reasons] == ["test lead: nobody"]
