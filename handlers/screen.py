"""Keeps what no person should see out of the lead process, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from handlers import captcha, lead_ads
from handlers.base import Context
from mappings.playbook import Required, Screening
from mappings.reading import Reading
from mappings.values.identity import domain_of, is_disposable
from model.cause import NO_CAUSE, Cause
from model.decision import NOTHING, Because, Decision, Place, Verdict
from model.lead import Lead

Finding = tuple[Verdict, Because, Cause]


class Check(NamedTuple):
    """What a post is looked at for: ``about`` is the field or domain, ``found`` is empty where it passed."""

    name: str
    place: Place | None
    about: str
    found: tuple[Finding, ...]


NO_KEY = "neither e-mail nor phone nor record id: nothing would ever find this person again"
NO_KEYS: tuple[Finding, ...] = ((Verdict.QUARANTINE, Because(NO_KEY), Cause("NO_KEY")),)
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
        if (unread := lead_ads.asked(reading)) is not NOTHING:
            return unread
        findings = [one for check in self.checks(reading) for one in check.found]
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

    def checks(self, reading: Reading) -> Iterator[Check]:
        """Yield each check with what it found: of a machine, of somebody unwelcome, of contents."""
        place = self.screening.place
        yield Check("honeypot", reading.source.place, "", tuple(_honeypot(reading)))
        if reading.source.fill_time_path:
            yield Check("fill_time", reading.source.place, "", tuple(_too_fast(reading)))
        address = reading.fields.get("email")
        if address:
            domain = domain_of(address)
            blocked = self._blocked(domain)
            yield Check("blocked_domains", place, domain, blocked)
            yield Check("disposable", place, domain, () if blocked else self._throw_away(address))
        yield Check("contents", reading.source.place, "", tuple(_contents(reading)))
        said = {problem.place for problem in reading.problems if problem.fatal}
        for required in reading.source.required:
            lacks = required.place not in said and not any(name in reading.fields for name in required.any_of)
            found = _missing(required) if lacks else ()
            yield Check("required", required.place, required.any_of[0], found)
        yield Check("key", None, "", () if reading.identities else NO_KEYS)
        if reading.source.captcha is not None:
            yield Check("captcha", reading.source.captcha.place, "", tuple(captcha.judged(reading)))

    def _blocked(self, domain: str) -> tuple[Finding, ...]:
        if not any(one in self.screening.blocked_domains for one in _with_parents(domain)):
            return ()
        why = Because("e-mail domain is blocked", self.screening.place)
        return ((Verdict.SPAM, why, Cause("BLOCKED_DOMAIN", "email")),)

    def _throw_away(self, address: str) -> tuple[Finding, ...]:
        if not is_disposable(address):
            return ()
        verdict = DISPOSABLE[self.screening.disposable]
        said = ", which is allowed" if verdict is Verdict.GO else ""
        why = Because(f"e-mail domain is of a throw-away service{said}", self.screening.place)
        return ((verdict, why, Cause("THROWAWAY_DOMAIN", "email")),)


def _honeypot(reading: Reading) -> Iterator[Finding]:
    if reading.honeypot:
        text = f"honeypot filled in: {', '.join(reading.honeypot)} (people leave it blank)"
        yield Verdict.SPAM, Because(text, reading.source.place), Cause("HONEYPOT")


def _too_fast(reading: Reading) -> Iterator[Finding]:
    least, took = reading.source.least_fill_time.total_seconds(), reading.filled_in_ms
    if took is not None and took / 1000 < least:
        text = f"the form was filled in within {took / 1000:.1f} s; people need {least:g} s at least"
        yield Verdict.SPAM, Because(text, reading.source.place), Cause("FILL_TIME")


def _contents(reading: Reading) -> Iterator[Finding]:
    """Yield what keeps the contents from becoming a lead, and what was merely left blank."""
    for problem in reading.problems:
        cause = Cause(problem.code, problem.field)
        if problem.fatal:
            yield Verdict.QUARANTINE, Because(str(problem), problem.place), cause
        else:
            yield Verdict.GO, Because(f"{problem}; left blank", problem.place), cause


def _missing(required: Required) -> tuple[Finding, ...]:
    why = Because(f"required field missing: {' or '.join(required.any_of)}", required.place)
    return ((Verdict.QUARANTINE, why, Cause("FIELD_MISSING", required.any_of[0])),)


def _with_parents(domain: str) -> list[str]:
    """Return the domain and those it is under, without the last label: ``a.b.com``, ``b.com``."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
