"""The doctor on going live: a brake that holds is a warning, with what to do."""

from __future__ import annotations

import pytest

from leadrelay.doctor.findings import Area
from leadrelay.doctor.golive import check_release
from sync.releases import Release
from tests.builders import NOON


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        ("releasing", "ok", "go-live 2 is releasing: 8 of at most 33 records are written"),
        ("done", "ok", "go-live 2 is done"),
        ("stopped", "ok", "observed again, by bo"),
        ("held", "warn", "new leads are written all the same"),
    ],
)
def test_how_a_release_stands(state, level, words):
    reason = "observed again, by bo" if state == "stopped" else ""
    release = Release("hubspot", 2, state, 8, 33, 9, 8, None, reason, "ada", NOON, NOON)
    found = check_release(Area("hubspot"), release)
    assert found.level == level
    assert words in found.fact
    assert ("leadrelay go-live hubspot" in found.fix) == (state == "held")
