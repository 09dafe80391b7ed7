"""Handler names as the playbook's ``pipeline.yaml`` uses them, and how each is built."""

from __future__ import annotations

from collections.abc import Callable

from handlers.absorb import Absorb, field_owners, preferring
from handlers.account import JoinByDomain
from handlers.assign import Assign
from handlers.attribute import Attribute
from handlers.base import Handler
from handlers.deals import HearOfDeals
from handlers.enrich import Enrich
from handlers.facts import TellFacts
from handlers.follow_up import MakeFollowUp
from handlers.icp import JudgeFit
from handlers.identify import Identify
from handlers.notify import Notify
from handlers.qualify import Qualify
from handlers.score import Score, thresholds
from handlers.screen import Screen
from handlers.writeback import Writeback
from mappings.playbook import Playbook
from mappings.problems import PlaybookError, unknown

HANDLERS: dict[str, Callable[[Playbook], Handler]] = {
    "screen": lambda playbook: Screen(playbook.screening),
    "identify": lambda playbook: Identify(playbook.screening),
    "absorb": lambda playbook: Absorb(
        field_owners(playbook.crms), preferring(playbook.crms), frozenset(playbook.consent.by_field)
    ),
    "attribute": lambda playbook: Attribute(playbook.skip_direct),
    "deals": lambda playbook: HearOfDeals(playbook.deals, playbook.lifecycle),
    "facts": lambda playbook: TellFacts(playbook.screening),
    "enrich": lambda playbook: Enrich(playbook.enrichment),
    "icp": lambda playbook: JudgeFit(playbook.icp, playbook.accounts),
    "score": lambda playbook: Score(playbook.scoring, thresholds(playbook.lifecycle)),
    "qualify": lambda playbook: Qualify(playbook.lifecycle),
    "assign": lambda playbook: Assign(
        playbook.routing, playbook.lifecycle, playbook.accounts, playbook.consent
    ),
    "account": lambda playbook: JoinByDomain(playbook.accounts),
    "follow_up": lambda playbook: MakeFollowUp(playbook.follow_up, playbook.crms),
    "notify": lambda playbook: Notify(playbook.notifications, playbook.crms),
    "writeback": lambda playbook: Writeback(playbook.crms, playbook.lifecycle, playbook.consent),
}


def build(playbook: Playbook) -> tuple[tuple[str, Handler], ...]:
    """Return the playbook's handlers with their names, in its order.

    Raises ``PlaybookError`` with every name that no handler has.
    """
    strangers = [name for name in playbook.pipeline if name not in HANDLERS]
    if strangers:
        raise PlaybookError(
            [unknown(playbook.pipeline_place, "handler", name, HANDLERS) for name in strangers]
        )
    return tuple((name, HANDLERS[name](playbook)) for name in playbook.pipeline)
