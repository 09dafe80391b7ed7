"""Keeps what no person should see out of the lead process, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from handlers import captcha
from handlers.base import Context
from mappings.playbook import Screening
from mappings.reading import Reading
from mappings.values.identity import domain_of, is_disposable
from model.cause import NO_CAUSE, Cause
from model.decision import NOTHING, Because, Decision, Verdict
from model.lead import Lead

Finding = tuple[Verdict, Because, Cause]

NO_KEY = "neither e-mail nor phone nor record id: nothing would ever find this person again"
DISPOSABLE: dict[str, Verdict] = {
    "spam": Verdict.SPAM,
    "quarantine": Verdict.QUARANTINE,
    "allow": Verdict.GO,
}


@dataclass(frozen=True, slots=True)
class Screen:
    """Tell spam and unusable contents from leads, with all reasons at once.

    Spam outranks quarantine. A person's word on a replay (``overrides``: ``lead`` or ``release``) lets an
    event that has any field through; what was found is still said.
    """

    screening: Screening

    def __call__(self, lead: Lead, context: Context) -> Decision:  # noqa: ARG002 - no lead is known yet
        reading = context.event
        if reading is None:
            return NOTHING
        findings = [*self._unwanted(reading), *_unusable(reading), *captcha.judged(reading)]
        if not findings:
            return captcha.asked(reading)
        because = tuple(why for _, why, _ in findings)
        verdicts = {verdict for verdict, _, _ in findings}
        said = reading.stored.overrides
        if (said.get("lead") or said.get("release")) and reading.fields and verdicts != {Verdict.GO}:
            why = "a person said whose it is" if said.get("lead") else "a person released it"
            return Decision(because=(*because, Because(f"let through: {why}")))
        if verdicts == {Verdict.GO} and (asked := captcha.asked(reading)).effects:
            return replace(asked, because=(*because, *asked.because))
        worst = next((v for v in (Verdict.SPAM, Verdict.QUARANTINE) if v in verdicts), Verdict.GO)
        cause = next((cause for verdict, _, cause in findings if verdict is worst), NO_CAUSE)
        return Decision(because=because, verdict=worst, cause=cause)

    def _unwanted(self, reading: Reading) -> Iterator[Finding]:
        """Yield what marks the sender as a machine or as unwelcome."""
        if reading.honeypot:
            names = ", ".join(reading.honeypot)
            yield (
                Verdict.SPAM,
                Because(f"honeypot filled in: {names} (people leave it blank)", reading.source.place),
                Cause("HONEYPOT"),
            )
        address = reading.fields.get("email")
        if not address:
            return
        if any(domain in self.screening.blocked_domains for domain in _with_parents(domain_of(address))):
            why = Because("e-mail domain is blocked", self.screening.place)
            yield Verdict.SPAM, why, Cause("BLOCKED_DOMAIN", "email")
        elif is_disposable(address):
            verdict = DISPOSABLE[self.screening.disposable]
            said = ", which is allowed" if verdict is Verdict.GO else ""
            why = Because(f"e-mail domain is of a throw-away service{said}", self.screening.place)
            yield verdict, why, Cause("THROWAWAY_DOMAIN", "email")


def _unusable(reading: Reading) -> Iterator[Finding]:
    """Yield what keeps the contents from becoming a lead, and what was merely left blank."""
    for problem in reading.problems:
        cause = Cause(problem.code, problem.field)
        if problem.fatal:
            yield Verdict.QUARANTINE, Because(str(problem), problem.place), cause
        else:
            yield Verdict.GO, Because(f"{problem}; left blank", problem.place), cause
    said = {problem.place for problem in reading.problems if problem.fatal}
    for required in reading.source.required:
        if required.place not in said and not any(name in reading.fields for name in required.any_of):
            names = " or ".join(required.any_of)
            why = Because(f"required field missing: {names}", required.place)
            yield Verdict.QUARANTINE, why, Cause("FIELD_MISSING", required.any_of[0])
    if not reading.identities:
        yield Verdict.QUARANTINE, Because(NO_KEY), Cause("NO_KEY")


def _with_parents(domain: str) -> list[str]:
    """Return the domain and those it is under, without the last label: ``a.b.com``, ``b.com``."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
