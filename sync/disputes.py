"""Disputes of a link as its row keeps them: vendor field -> last moves, what is held, what was settled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.dispute import Dispute, Held, Move, Seen, Settled, Unknown
from model.times import from_text, to_text


def disputes_from(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Dispute]:
    """Read what a row keeps."""
    return {remote: _dispute(one) for remote, one in stored.items()}


def disputes_row(disputes: Mapping[str, Dispute]) -> dict[str, dict[str, Any]]:
    """Return what a row keeps; it is empty for nearly all links."""
    return {remote: _row(one) for remote, one in disputes.items()}


def _dispute(stored: Mapping[str, Any]) -> Dispute:
    held, settled, unknown = stored.get("held"), stored.get("settled"), stored.get("unknown")
    return Dispute(
        tuple(Move(from_text(at), before, after) for at, before, after in stored.get("moves", ())),
        Held(*held) if held else None,
        Settled(*settled) if settled else None,
        Unknown(unknown[0], from_text(unknown[1])) if unknown else None,
        Seen(*stored["seen"]) if "seen" in stored else None,
        is_taken="taken" in stored,
    )


def _row(dispute: Dispute) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if dispute.moves:
        row["moves"] = [[to_text(move.at), move.before, move.after] for move in dispute.moves]
    if held := dispute.held:
        row["held"] = [held.base, held.ours, held.theirs, held.is_breaker]
    if settled := dispute.settled:
        row["settled"] = [settled.ours, settled.theirs, settled.takes_theirs]
    if unknown := dispute.unknown:
        row["unknown"] = [unknown.value, to_text(unknown.since)]
    if seen := dispute.seen:
        row["seen"] = [seen.value]
    if dispute.is_taken:
        row["taken"] = True
    return row
