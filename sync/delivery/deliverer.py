"""outbox -> mapping outward -> connectors: claim, send, settle, a lease around each call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from model.change import (
    Postponed,
)
from model.errors import NotAuthorized
from model.faults import mark_of, plain
from sync.database import write_again
from sync.delivery.claiming import claim
from sync.delivery.ended import Ended, Refused, Released
from sync.delivery.sending import send
from sync.delivery.settling import settle
from sync.delivery.target import Claimed, Sending, Target

log = structlog.get_logger("leadrelay.deliverer")


def deliver_batch(target: Target) -> int:
    """Send the due changes of one connection in the fewest calls and record each outcome.

    A crash after the call leaves the sent values on the row under a lease that runs out:
    the next claim reads by id (or looks the person up) before anything is sent again.
    Returns how many rows were claimed; 0 when nothing is due.
    """
    claimed = claim(target)
    if claimed:
        finish(target, claimed)
    return len(claimed.sendings) if claimed else 0


def finish(target: Target, claimed: Claimed) -> None:
    """Send what was claimed and record each outcome.

    The lease is renewed while calls are made (``Target.renew``). A series of calls that takes longer than
    its first term, as when a slow CRM refuses many rows one by one, ends there: what it has
    settled is recorded, and the rest is free for the next claim, which looks before it sends.
    """
    outcomes: list[Ended] = []
    began = target.clock.now()
    try:
        with target.holding.of(claimed.token, [s.row.id for s in claimed.sendings], began) as hold:
            for outcome in send(target, claimed.sendings):
                outcomes.append(outcome)
                if hold.is_lost or target.clock.now() - began >= target.lease_term:
                    outcomes += [Released(s.key) for s in _unanswered(claimed, outcomes)]
                    break
    except NotAuthorized as error:
        outcomes += [Refused(s.key, str(error)) for s in _unanswered(claimed, outcomes)]
        log.error("connection.not_authorized", target=target.name, error=str(error))
    except Exception as error:  # a connector's fault: what may have arrived is read before it is sent again
        reason = plain(error)
        outcomes += [Postponed(s.key, reason, answer_lost=True) for s in _unanswered(claimed, outcomes)]
        log.exception("connection.failed", target=target.name, fault=mark_of(error))
    record = partial(settle, target=target, claimed=claimed, outcomes=outcomes)
    write_again(target.store, record, target.waits)
    target.store.signals.announce("inbox")


def _unanswered(claimed: Claimed, outcomes: Sequence[Ended]) -> list[Sending]:
    answered = {outcome.key for outcome in outcomes}
    return [sending for sending in claimed.sendings if sending.key not in answered]
