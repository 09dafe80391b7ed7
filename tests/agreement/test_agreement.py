"""By chance: edits on all sides, merges, conversions, deletes, webhooks lost and doubled, faults, crashes."""

from __future__ import annotations

import pytest

from tests.agreement.counts import OF_PEOPLE, OF_SALES, OF_THE_WEATHER, OF_WEBHOOKS
from tests.agreement.running import Runs, seeds

SOME = 50  # seeds of one test
LONGEST = 1_200  # seconds that they may take where a machine has much else to do


def some_of(usual: str) -> list[range]:
    every = seeds(usual)
    return [every[at : at + SOME] for at in range(0, len(every), SOME)]


def name_of(some: range) -> str:
    return f"{some[0]}-{some[-1]}"


def all_end_well(runs: Runs, some: range, *, webhooks: bool) -> None:
    runs.happened.clear()
    failed = runs.fail(some, webhooks=webhooks)
    assert not failed, "\n\n".join(failed)
    wanted = {*OF_PEOPLE, *OF_SALES, *OF_THE_WEATHER, *(OF_WEBHOOKS if webhooks else ())}
    if len(some) == SOME:  # so many bring about everything that can happen
        assert wanted - {name for name, times in runs.happened.items() if times} == set()


@pytest.mark.timeout(LONGEST)
@pytest.mark.parametrize("some", some_of("1:50"), ids=name_of)
def test_in_the_end_all_three_agree_with_webhooks(runs, some: range):
    all_end_well(runs, some, webhooks=True)


@pytest.mark.timeout(LONGEST)
@pytest.mark.parametrize("some", some_of("1:20"), ids=name_of)
def test_in_the_end_all_three_agree_without_webhooks(runs, some: range):
    all_end_well(runs, some, webhooks=False)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("webhooks", [True, False], ids=["with", "without"])
def test_they_agree_for_a_long_time(runs, capsys: pytest.CaptureFixture[str], webhooks: bool):
    every = seeds("1:10000")
    runs.happened.clear()
    failed = runs.fail(every, webhooks=webhooks)
    with capsys.disabled():
        which = f"seeds {name_of(every)} {'with' if webhooks else 'without'} webhooks"
        print(f"\n{which}: {len(every)} ran, {len(failed)} failed")
        print("what happened:", ", ".join(f"{name} {times}" for name, times in sorted(runs.happened.items())))
    assert not failed, "\n\n".join(failed)
