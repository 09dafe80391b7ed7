"""What the CRMs hold of a score that fades: in steps, and once the lead falls out of its band."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mappings.playbook import Band, Linear
from scheduler.timing import TimerJob
from tests.builders import a_scoring, place, points
from tests.sync.followed import ADA, known
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook

DAY = timedelta(days=1)
AT = place(1, "scoring.yaml")
SCORING = replace(
    a_scoring(
        points(60, "demo", activity="demo_request", decay=Linear(50, 30 * DAY)),  # a point a day
        intent=100,
    ),
    bands=(Band("cold", 0, 0, timedelta(), AT), Band("hot", 60, 50, 7 * DAY, AT)),
    write_points=8,
)


@pytest.fixture
def house(store) -> House:
    return a_house(store, playbook=house_playbook(scoring=SCORING))


def held(house: House) -> list[int]:
    """Return the score that each CRM holds."""
    links = house.lead(ADA).links
    return [house.crms[name].records[links[name].remote_id].fields["score"] for name in (HUBSPOT, SALESFORCE)]


def live(house: House, days: int) -> list[tuple[int, str, list[int]]]:
    """Return score, band and what the CRMs hold at the end of each day."""
    found = []
    for _ in range(days):
        house.clock.advance(DAY.total_seconds())
        TimerJob(house.store, house.clock).run()
        house.settle()
        lead = house.lead(ADA)
        found.append((lead.score, lead.fields["band"], held(house)))
    return found


def test_the_score_is_exact_and_the_crms_follow_in_steps_and_with_the_band(house):
    known(house, ADA)
    assert (house.lead(ADA).score, held(house)) == (60, [60, 60])
    days = live(house, 19)
    assert [score for score, _, _ in days] == [60 - day for day in range(1, 20)]
    assert [band for _, band, _ in days] == ["hot"] * 17 + ["cold"] * 2  # below 50 since the eleventh day
    steps = [60] * 7 + [52] * 8 + [44] * 2 + [42] * 2  # eight points, eight points, the band
    assert [told for _, _, told in days] == [[step, step] for step in steps]
