"""Asks a lead's new owner to act: a task in the CRMs, with a due time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from handlers.base import Context
from handlers.causes import assignment, facts_of, reasons_of
from handlers.writeback import NEEDED
from mappings.playbook import CrmMap, FollowUp, FollowUpRule
from mappings.playbook.messages import TEST_LEAD
from model.decision import NOTHING, Because, Decision, OneShot, one_shot_key
from model.lead import Lead

PATIENCE = timedelta(minutes=1)  # for the other CRM's link; then the person is looked up there


@dataclass(frozen=True, slots=True)
class MakeFollowUp:
    """Make one task in each CRM when a rule gives a lead its owner; of the tasks the first that fits.

    The task goes to whoever owns the lead when it is sent: a person in the CRM may own it by
    then. One assignment never makes two tasks in a CRM. A test lead makes none.
    """

    follow_up: FollowUp
    crms: Mapping[str, CrmMap]

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if not self.follow_up.rules:
            return NOTHING
        cause, facts = assignment(lead, context), facts_of(lead, context)
        rule = next((one for one in self.follow_up.rules if one.when is None or one.when.matches(lead)), None)
        if not cause or rule is None:
            return Decision(facts=facts)
        if lead.is_test:
            return Decision(because=(Because(f"{TEST_LEAD}nobody gets a task", rule.place),), facts=facts)
        effects = tuple(self._tasks(rule, lead, cause, context))
        named = ", ".join(effect.target for effect in effects)
        text = (
            f"task for {lead.owner} in {named}: {rule.name}" if named else "no CRM takes a task for this lead"
        )
        return Decision(effects=effects, because=(Because(text, rule.place),), facts=facts)

    def _tasks(self, rule: FollowUpRule, lead: Lead, cause: str, context: Context) -> Iterator[OneShot]:
        reached = [crm for crm in self.crms.values() if is_written(lead, crm)]
        for crm in reached:
            if crm.tasks is None or (rule.connections and crm.connection not in rule.connections):
                continue
            yield OneShot(
                key=one_shot_key("task", lead.id, crm.connection, cause),
                kind="task",
                target=crm.connection,
                payload={"rule": rule.name, "because": reasons_of(context)},
                needs=tuple(one.connection for one in reached),
                patience=PATIENCE,
            )


def is_written(lead: Lead, crm: CrmMap) -> bool:
    """Say whether the lead has a record there, or is to get one."""
    needed = NEEDED.get(crm.kind)
    return crm.connection in lead.links or not needed or bool(lead.get(needed))
