"""Tells people of a lead: in Slack, in Teams, by mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.base import Context
from handlers.causes import CAUSES, reasons_of
from handlers.follow_up import is_written
from mappings.playbook import CrmMap, Notifications
from model.decision import Because, Decision, OneShot, one_shot_key
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a message for each rule that fits, once for each cause. A test lead sends none.

    Only what happened is kept: the words are put together when the message goes out, with the
    lead as it is then and the addresses of its records.
    """

    notifications: Notifications
    crms: Mapping[str, CrmMap]

    def __call__(self, lead: Lead, context: Context) -> Decision:
        effects: list[OneShot] = []
        because: list[Because] = []
        for rule in self.notifications.rules:
            cause = CAUSES[rule.on](lead, context)
            if not cause or (rule.when is not None and not rule.when.matches(lead)):
                continue
            if lead.is_test:
                because.append(Because(f"test lead: {rule.channel} is not told", rule.place))
                continue
            effects.append(
                OneShot(
                    key=one_shot_key("message", lead.id, rule.channel, rule.name, cause),
                    kind="message",
                    target=rule.channel,
                    payload={"rule": rule.name, "because": reasons_of(context)},
                    needs=tuple(crm.connection for crm in self.crms.values() if is_written(lead, crm)),
                    patience=self.notifications.wait_for_links,
                )
            )
            because.append(Because(f"{rule.channel} is told: {rule.name}", rule.place))
        return Decision(effects=tuple(effects), because=tuple(because))
