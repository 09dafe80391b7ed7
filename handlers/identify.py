"""Says whose event it is: a known lead's, a new one's, or a person must say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.base import Context
from mappings.playbook import Screening
from mappings.values.identity import is_role_address
from model.cause import Cause
from model.decision import (
    NOTHING,
    AskReview,
    Because,
    ClaimIdentity,
    Decision,
    Effect,
    Verdict,
)
from model.lead import Identity, Lead

NAMES = {"record": "record id", "email": "e-mail", "phone": "phone"}
PHONE_ALONE = "PHONE_ALONE"
NEW = "new"
"""The override by which a person says: this is nobody we know."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Find the one lead an event belongs to: record id beats e-mail beats phone.

    Two known leads are never merged silently and a key never changes hands: what another
    lead holds is not claimed. A phone alone identifies nobody, for people share phones.
    """

    screening: Screening

    def __call__(self, lead: Lead, context: Context) -> Decision:  # noqa: ARG002 - it is what we look for
        reading = context.event
        if reading is None:
            return NOTHING
        holders = {key: context.lookups.lead_id_of(key) for key in reading.identities}
        verdict = reading.stored.overrides.get("lead")
        if verdict:
            lead_id = "" if verdict == NEW else str(verdict)
            whose = "a new lead" if verdict == NEW else f"lead {lead_id}"
            return _settled(lead_id, holders, (), Because(f"a person said: {whose}"))
        return self._by_keys(holders)

    def _by_keys(self, holders: dict[Identity, str | None]) -> Decision:
        strong = [key for key in holders if key.kind != "phone"]
        known = list(dict.fromkeys(holder for key in strong if (holder := holders[key])))
        roles = tuple(key for key in strong if self._is_role(key) and holders[key] is None)
        if not holders:
            return _review("NO_KEY", "it has no key: neither e-mail nor phone nor record id")
        if not strong:
            return _phone_alone(holders)
        if len(known) > 1:
            text = f"its keys belong to different leads: {', '.join(known)}; they are not merged"
            return _review("DIFFERENT_LEADS", text)
        if known:
            key = next(key for key in strong if holders[key])
            return _settled(known[0], holders, self._set_aside(roles), _known_by(key, known[0]))
        if roles:
            return _review(
                "ROLE_ADDRESS",
                "role address (info@, sales@ …) that no lead has yet: several people may read it",
                self.screening,
            )
        return _settled("", holders, (), Because(f"new person: {_names(strong)} not known"))

    def _is_role(self, key: Identity) -> bool:
        if key.kind != "email" or self.screening.role_addresses != "review":
            return False
        return is_role_address(key.value, self.screening.role_names)

    def _set_aside(self, roles: Sequence[Identity]) -> tuple[tuple[Identity, Because], ...]:
        why = Because("role address not kept as a key: several people may read it", self.screening.place)
        return tuple((key, why) for key in roles)


def _settled(
    lead_id: str,
    holders: dict[Identity, str | None],
    set_aside: Sequence[tuple[Identity, Because]],
    why: Because,
) -> Decision:
    """Decide for the lead; claim the keys that are free, and ask about a phone that another holds."""
    effects: list[Effect] = []
    because = [why, *(reason for _, reason in set_aside)]
    unwanted = {key for key, _ in set_aside}
    for key, holder in holders.items():
        if holder is None and key not in unwanted:
            effects.append(ClaimIdentity(key))
            if lead_id:
                because.append(Because(f"new key for lead {lead_id}: {NAMES[key.kind]}"))
        elif holder is not None and holder != lead_id:
            because.append(Because(f"{NAMES[key.kind]} stays with lead {holder}"))
            if key.kind == "phone":
                effects.append(AskReview("shared_phone", {"lead": lead_id, "other": holder}))
    return Decision(effects=tuple(effects), because=tuple(because), lead_id=lead_id)


def _phone_alone(holders: dict[Identity, str | None]) -> Decision:
    """Send an event that only a phone speaks for to a person, with whom it may be."""
    candidates = [holder for holder in holders.values() if holder]
    if candidates:
        text = f"a phone alone does not identify a person; it may be lead {', '.join(candidates)}"
        return _review(PHONE_ALONE, text)
    return _review(PHONE_ALONE, "a phone alone does not identify a person, and no lead has this one")


def _review(code: str, text: str, screening: Screening | None = None) -> Decision:
    place = screening.place if screening else None
    return Decision(because=(Because(text, place),), verdict=Verdict.REVIEW, cause=Cause(code))


def _known_by(key: Identity, lead_id: str) -> Because:
    return Because(f"known by {NAMES[key.kind]}: lead {lead_id}")


def _names(keys: Sequence[Identity]) -> str:
    return " and ".join(NAMES[kind] for kind in dict.fromkeys(key.kind for key in keys))
