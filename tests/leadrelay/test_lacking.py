"""New lines of a map whose fields the account does not have come into force once they are made."""

from __future__ import annotations

import pytest

from connectors.inspection import Field, Fields
from leadrelay.lacking import lacking
from mappings.compile import load
from model.errors import ConnectorError
from tests.leadrelay.test_playbooks import change
from tests.waiting import eventually

LINE = "      Title:    {field: title, authority: crm, max_length: 128}\n"
MORE = LINE + "      Seats__c: {field: seats, authority: newest}\n"


def widened(folder):
    """Give the lead a field of its own, and a Salesforce Lead a line for it."""
    change(folder, "fields.yaml", "fields:\n", "fields:\n  seats: {type: integer}\n")
    change(folder, "crm/salesforce.yaml", LINE, MORE)


class Account:
    """Answers with these fields, or not at all; counts how often."""

    def __init__(self, *names, fails=False):
        self.names, self.fails, self.asked = names, fails, []

    def fields(self, name):
        self.asked.append(name)
        if self.fails:
            raise ConnectorError("it is down")
        return Fields({one: Field(one, "number", "double") for one in self.names})


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (Account("Seats__c"), []),
        (Account("Seat__c"), ["salesforce has no field Seats__c of Lead"]),
        (Account(fails=True), []),
        (None, []),
    ],
)
def test_only_new_lines_are_asked_about_and_nobody_waits_for_who_is_silent(playbook, account, told):
    running = load(playbook)
    assert lacking(running, running, lambda _name: pytest.fail("nothing is new")) == []
    widened(playbook)
    problems = lacking(load(playbook), running, {"salesforce": account}.get)
    assert [one.message for one in problems] == told
    if told:
        assert "crm/salesforce.yaml" in str(problems[0].at)
        assert problems[0].fix.endswith('`leadrelay apply --make-fields` do it. Did you mean "Seat__c"?')
    if account is not None:
        assert account.asked == ["Lead"]


def test_what_a_crm_lacks_keeps_a_version_out_until_it_is_made(house, leadrelay):
    holder = house.daemon.holder
    number = holder.playbook().number
    widened(house.playbook)
    holder.look()
    assert holder.playbook().number == number
    assert "salesforce has no field Seats__c of Lead" in holder.complaint()
    refused = leadrelay("apply", **house.environ)
    assert refused.code == 1
    assert "crm/salesforce.yaml:" in refused.out
    assert "1 field missing in the CRMs; nothing was changed." in refused.err
    done = leadrelay("apply", "--make-fields", **house.environ)
    assert (done.code, done.err) == (0, "")
    assert "made in salesforce: Lead.Seats__c" in done.out
    assert holder.playbook().number == number + 1
    eventually(lambda: holder.look() or holder.complaint() is None, "the folder is what is in force")
    assert holder.playbook().number == number + 1
