"""Tells people of a lead: in Slack, in Teams, by mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers import waiting
from handlers.base import Context
from handlers.causes import CAUSES, facts_of, reasons_of
from handlers.follow_up import is_written
from mappings.playbook import CrmMap, Notifications
from mappings.playbook.messages import IT_WAITS, TEST_LEAD
from model.decision import NOTHING, Because, Decision, OneShot, one_shot_key
from model.lead import Lead

HELD = {"held": True}
"""Marks a message that waits for a provider, in its payload: its rule's condition is asked then."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a message for each rule that fits, once for each cause. A test lead sends none.

    Only what happened is kept: the words are put together when the message goes out, with the
    lead as it is then and the addresses of its records. While the lead waits for a provider's answer,
    messages wait, too, and their conditions are looked at when they go out.
    """

    notifications: Notifications
    crms: Mapping[str, CrmMap]

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if not self.notifications.rules:
            return NOTHING
        effects: list[OneShot] = []
        because: list[Because] = []
        held = waiting.waits(lead, context.now)
        for rule in self.notifications.rules:
            cause = CAUSES[rule.on](lead, context)
            if not cause:
                continue
            if not held and rule.when is not None and not rule.when.matches(lead):
                continue
            if lead.is_test:
                because.append(Because(f"{TEST_LEAD}{rule.channel} is not told", rule.place))
                continue
            effects.append(
                OneShot(
                    key=one_shot_key("message", lead.id, rule.channel, rule.name, cause),
                    kind="message",
                    target=rule.channel,
                    payload={"rule": rule.name, "because": reasons_of(context)} | (HELD if held else {}),
                    needs=tuple(crm.connection for crm in self.crms.values() if is_written(lead, crm)),
                    patience=self.notifications.wait_for_links,
                    not_before=held[-1].due_at if held else None,
                )
            )
            wait = f"{IT_WAITS}{waiting.said(held)}" if held else ""
            because.append(Because(f"{rule.channel} is told: {rule.name}{wait}", rule.place))
        return Decision(effects=tuple(effects), because=tuple(because), facts=facts_of(lead, context))
