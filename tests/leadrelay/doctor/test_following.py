"""The doctor on following what changes in a CRM."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadrelay.doctor.findings import Area
from leadrelay.doctor.following import check_following
from sync.followed import Followed, ObjectFollowed
from tests.builders import NOON

AGO = {minutes: NOON - timedelta(minutes=minutes) for minutes in (1, 29, 30, 60, 90)}


@pytest.mark.parametrize(
    ("one", "level", "words"),
    [
        (ObjectFollowed(), "ok", "changes of contacts: not looked at yet"),
        (ObjectFollowed(AGO[1]), "ok", "not read to the end yet"),
        (ObjectFollowed(AGO[60]), "warn", "not read to the end yet"),
        (ObjectFollowed(AGO[60], AGO[29]), "ok", "last read to the end 2026-"),
        (ObjectFollowed(AGO[60], AGO[30]), "warn", "last read to the end 2026-"),
        (ObjectFollowed(AGO[60], AGO[1], "401: expired"), "warn", "the last look failed: 401: expired"),
    ],
)
def test_how_an_object_is_followed(one, level, words):
    [found] = check_following(Area("hubspot"), Followed({"contacts": one}), NOON)
    assert (found.level, bool(found.fix)) == (level, level == "warn")
    assert words in found.fact


@pytest.mark.parametrize(("read", "level"), [(60, "ok"), (90, "warn")])
def test_what_is_looked_at_seldom_is_late_only_after_its_own_time(read, level):
    followed = Followed({"calls": ObjectFollowed(AGO[90], AGO[read])})
    [found] = check_following(Area("hubspot"), followed, NOON, {"calls": timedelta(hours=1)})
    assert found.level == level


def test_a_recycle_bin_that_fails_is_told_beside_changes_that_are_read():
    one = ObjectFollowed(AGO[60], AGO[1], bin_problem="HTTP 500")
    changes, trash = check_following(Area("hubspot"), Followed({"contacts": one}), NOON)
    assert (changes.level, trash.level) == ("ok", "warn")
    assert "the recycle bin of contacts cannot be looked through: HTTP 500" in trash.fact


def test_that_strangers_are_left_out_is_told_with_what_to_do():
    one = ObjectFollowed(AGO[60], AGO[1], unowned_since=AGO[30])
    _, left_out = check_following(Area("hubspot"), Followed({"contacts": one}), NOON)
    assert (left_out.level, "who is new is left out since 2026-" in left_out.fact) == ("warn", True)
    assert "the right to read owners" in left_out.fix


@pytest.mark.parametrize(("minutes", "level"), [(29, "ok"), (30, "warn")])
def test_records_that_wait_long_to_be_read_are_a_warning(minutes, level):
    [found] = check_following(Area("hubspot"), Followed({}, 1200, AGO[minutes]), NOON)
    assert found.level == level
    assert "1,200 records wait to be read by id" in found.fact
