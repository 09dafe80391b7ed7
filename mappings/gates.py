"""Whether what a rule wants done may be done with this person: the gates of ``consent.yaml``. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mappings.playbook import ELSEWHERE, Consent, ConsentGate
from mappings.playbook.consent import counts_in
from model.consent import confirmed_field_of, field_of
from model.event import JsonValue
from model.lead import Lead

STANDS: Mapping[JsonValue, str] = {True: "yes", False: "no", None: "not asked"}
"""How a purpose stands with somebody, in words."""

TASK, NOTIFY, ASSIGN, SYNC = "task", "notify", "assign", "sync"


def shut(
    policy: Consent, act: str, lead: Lead, at: datetime, names: Collection[str] = ()
) -> Iterator[ConsentGate]:
    """Yield the gates that keep an act back at a moment; ``names`` are the act's rule and target.

    Without names the act as a whole is asked about: each gate of it counts.
    """
    for gate in policy.gates.get(act, ()):
        if gate.since is not None and at < gate.since:
            continue
        if gate.only and names and gate.only.isdisjoint(names):
            continue
        if counts_in(gate.regions, policy.regions, lead.fields.get("country")) and _lack(gate, lead):
            yield gate


def why_shut(policy: Consent, act: str, lead: Lead, at: datetime, names: Collection[str] = ()) -> str:
    """Return why an act is kept back; blank where it may be done."""
    gate = next(shut(policy, act, lead, at, names), None)
    return reason(gate, policy, lead) if gate is not None else ""


def reason(gate: ConsentGate, policy: Consent, lead: Lead) -> str:
    """Say why a gate is shut: ``blocked: no consent for sales_call in EU``."""
    text = f"blocked: {_lack(gate, lead)} for {gate.purpose}"
    if not gate.regions:
        return text
    country = lead.fields.get("country")
    if not country:
        return f"{text}, country not known: the strictest rule counts ({', '.join(gate.regions)})"
    found = [name for name in gate.regions if country in _countries(name, policy)]
    return f"{text} in {found[0] if found else ELSEWHERE}"


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that must be so for a gate to be shut: in words, whether it is so, and what there is."""

    text: str
    holds: bool
    was: str
    fields: frozenset[str] = frozenset()  # of the lead, whose values it tells of


def asked(gate: ConsentGate, policy: Consent, lead: Lead, at: datetime) -> Iterator[Ask]:
    """Yield what must be so for a gate to be shut."""
    if gate.since is not None:
        yield Ask(f"since {gate.since:%Y-%m-%d}", at >= gate.since, f"{at:%Y-%m-%d}")
    country = lead.fields.get("country")
    if gate.regions:
        is_in = counts_in(gate.regions, policy.regions, country)
        where = str(country or "not known, which is everywhere")
        yield Ask(f"country in {', '.join(gate.regions)}", is_in, where, frozenset({"country"}))
    wanted = "not agreed to and confirmed" if gate.double_opt_in else "not agreed to"
    if gate.basis == "legitimate_interest":
        wanted = "refused"
    fields = field_of(gate.purpose), confirmed_field_of(gate.purpose)
    was = STANDS[lead.fields.get(fields[0])]
    if was == "yes" and gate.double_opt_in:
        was += ", confirmed" if lead.fields.get(fields[1]) is True else ", not confirmed"
    yield Ask(f"{gate.purpose} is {wanted}", bool(_lack(gate, lead)), was, frozenset(fields))


def unconfirmed(policy: Consent, purpose: str, lead: Lead, at: datetime) -> list[str]:
    """Return which acts a plain yes to a purpose would still leave kept back: they want a confirmed one."""
    said = replace(lead, fields={**lead.fields, field_of(purpose): True})
    return [
        act for act in policy.gates if any(gate.purpose == purpose for gate in shut(policy, act, said, at))
    ]


def regions_of(policy: Consent, country: str | None) -> tuple[str, ...]:
    """Return the regions that a country is in; none where it is not known."""
    if not country:
        return ()
    return tuple(name for name, inside in policy.regions.items() if country in inside) or (ELSEWHERE,)


def _countries(region: str, policy: Consent) -> frozenset[str]:
    return policy.regions.get(region, frozenset())


def _lack(gate: ConsentGate, lead: Lead) -> str:
    """Say what a gate misses; blank where it is open."""
    stands = lead.fields.get(field_of(gate.purpose))
    if stands is False:
        return "consent withdrawn"
    if gate.basis == "legitimate_interest":
        return ""
    if stands is not True:
        return "no consent"
    is_confirmed = lead.fields.get(confirmed_field_of(gate.purpose)) is True
    return "" if is_confirmed or not gate.double_opt_in else "no confirmed consent"
