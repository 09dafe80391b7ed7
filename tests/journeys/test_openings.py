"""Planning and opening an account as the pages have the daemon do it; the commands' way is test_go_live's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.errors import LeadRelayError
from tests.waiting import eventually


@pytest.fixture
def observing(closed_house):
    """A house that only observes both CRMs, with three leads of one company."""
    house = closed_house.start(LEADRELAY_SANDBOX="false").settle_in()
    for number in range(3):
        house.post(email=f"p{number}@firm.example", last_name=f"P{number}", form_type="demo")
    eventually(lambda: house.status().leads == 3, "the decisions")
    return house


def settled(house, name):
    """Return what became of the step under way."""
    return eventually(
        lambda: None if house.daemon.openings.look(name).is_busy else house.daemon.openings.look(name)
    )


def planned(house, name="hubspot"):
    house.daemon.openings.plan(name)
    return settled(house, name)


def test_a_plan_is_what_the_command_prints_and_writes_nothing(observing):
    opening = planned(observing)
    told = observing.command_json("plan", "hubspot")
    assert (opening.problem, opening.expected, opening.at_most) == ("", 3 + 1, 29)
    assert {name: opening.plan[name] for name in ("counts", "account", "missing", "fields")} == {
        name: told[name] for name in ("counts", "account", "missing", "fields")
    }
    assert observing.crms["hubspot"].history() == []


def test_only_the_plan_that_was_looked_at_opens_an_account(observing):
    openings = observing.daemon.openings
    with pytest.raises(LeadRelayError, match="another by now"):
        openings.go_live("hubspot", "", 29, "ada")
    first = planned(observing)
    planned(observing)
    with pytest.raises(LeadRelayError, match="another by now"):
        openings.go_live("hubspot", first.mark, 29, "ada")
    assert observing.status().releases == {}


def test_rules_that_nobody_planned_by_open_no_account(observing):
    house, openings = observing, observing.daemon.openings
    opening = planned(house)
    version = house.daemon.holder.playbook().version
    house.edit("crm/hubspot.yaml", "      zip: ", "      Zip-Code: ")
    eventually(lambda: house.daemon.holder.playbook().version != version, "the edited playbook")
    with pytest.raises(LeadRelayError, match=f"is by playbook {version}, and .* is in force now; plan again"):
        openings.go_live("hubspot", opening.mark, opening.at_most, "ada")
    assert (house.crms["hubspot"].history(), house.status().releases) == ([], {})


def test_a_field_that_is_gone_since_the_plan_is_not_made_unasked(observing):
    house, openings = observing, observing.daemon.openings
    version = house.daemon.holder.playbook().version
    house.edit("crm/hubspot.yaml", "      zip: ", "      zip_again: ")
    eventually(lambda: house.daemon.holder.playbook().version != version, "the edited playbook")
    opening = planned(house)
    plan = openings._plans["hubspot"]
    assert [str(one) for one in plan.survey.missing] == ["contacts.zip_again", "companies.zip_again"]
    openings._plans["hubspot"] = replace(plan, survey=replace(plan.survey, missing=plan.survey.missing[1:]))
    openings.go_live("hubspot", opening.mark, opening.at_most, "ada")
    opening = settled(house, "hubspot")
    assert "lacks contacts.zip_again, which the plan does not say; plan again" in opening.problem
    assert (opening.made, house.crms["hubspot"].history(), house.status().releases) == ((), [], {})


def test_an_account_that_cannot_be_asked_leaves_its_words_and_the_way_open(observing):
    observing.crms["hubspot"].faults(error_rate=1, error_status=503)
    opening = planned(observing)
    assert opening.problem
    assert opening.plan is None
    observing.crms["hubspot"].faults()
    assert planned(observing).problem == ""


def test_fields_that_cannot_be_made_are_told_with_their_steps_and_nothing_is_written(observing):
    house = observing
    house.edit("crm/hubspot.yaml", "      zip: ", "      Zip-Code: ")
    version = house.daemon.holder.playbook().version
    eventually(lambda: house.daemon.holder.playbook().version != version, "the edited playbook")
    opening = planned(house)
    house.daemon.openings.go_live("hubspot", opening.mark, opening.at_most, "ada")
    opening = settled(house, "hubspot")
    assert [one.field for one in opening.unmade] == ["contacts.Zip-Code", "companies.Zip-Code"]
    assert any("Settings > Properties" in step for step in opening.unmade[0].steps)
    assert "hubspot is as it was" in opening.problem
    assert (house.crms["hubspot"].history(), house.status().releases) == ([], {})


def test_a_sandbox_needs_no_opening_and_is_not_led_back(house):
    openings = house.daemon.openings
    opening = planned(house)
    with pytest.raises(LeadRelayError, match="is a sandbox on this machine"):
        openings.go_live("hubspot", opening.mark, opening.at_most, "ada")
    with pytest.raises(LeadRelayError, match="is a sandbox on this machine"):
        openings.observe("hubspot", "ada")
