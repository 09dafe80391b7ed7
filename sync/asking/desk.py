"""The two transactions around a call to a provider; the call itself is in neither.

A question is claimed where the cap allows one more call, and no answer of late serves. The call is counted in
that transaction: a process that dies behind it leaves a lease, which ends, and the question is asked once
more and counted once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from mappings import captchas, lead_ads
from mappings.captchas import Checked
from mappings.enriching import kept_of, request_of
from mappings.playbook import CAPTCHA, LEAD_ADS, Captcha, LeadAds, Playbook, Provider
from model import consent
from model.enrichment import Answered, Later, Outcome, Refused, Request, Unknown, source_of
from model.errors import LeadRelayError
from model.event import Event, EventKind, JsonValue
from model.faults import mark_of, plain
from model.lead import Lead
from model.times import Clock, to_text
from sync import inbox, leads
from sync.asking import answers, asks, checks, notices, spending
from sync.asking.answers import Kept
from sync.asking.asks import Ask
from sync.database import Store, write_again
from sync.leases import new_token

log = structlog.get_logger("leadrelay.asking")

MOST_CALLS = 4  # for one question, before it is given up
MOST_READS = 40  # for one lead of an ad: for 36 hours, as long as Meta tries to tell of it
FIRST_WAIT, LONGEST_WAIT = 2.0, 3600.0  # seconds before the next of them: 2, 8, 32, or as the provider says
A_DAY = timedelta(days=1)  # before a question that was given up is asked again
MOST_ROUNDS = 3  # of such days, with ``on_failure: later``
MOST_AT_ONCE = 20  # questions that one claim looks at
LANES = 4  # calls to one provider at the same time, of one process


Party = Provider | Captcha | LeadAds
OWN = Answered({})
"""What is made of a token of `leadrelay source test`: nobody is asked."""

NOBODY: Mapping[str, int] = {}


@dataclass(slots=True)
class Desk:
    """All that asking providers needs."""

    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    call: Callable[[Request], Outcome]
    secret: Callable[[str], str]  # by its variable; raises ``LeadRelayError`` where it is not set
    base_of: Callable[[str], str]  # another host to ask instead of a provider's; blank: none
    space: str = "main"
    lease_term: timedelta = timedelta(seconds=120)
    mark: str = ""  # of this process, with which its leases begin
    waits: Sequence[float] = ()  # seconds before what came of a call is recorded once more
    observe: Callable[[str, str], None] = lambda _provider, _outcome: None
    rests: dict[str, datetime] = field(default_factory=dict)  # who wants to be left alone, and until when


@dataclass(frozen=True, slots=True)
class Claimed:
    """A question under our lease, with whom it goes to."""

    ask: Ask
    provider: Party
    token: str


def claim(desk: Desk, calling: Mapping[str, int] = NOBODY) -> tuple[list[Claimed], int]:
    """Lease what is due and may be asked; return it, and how many questions ended without a call.

    ``calling``: the calls under way to each provider, which bears so many and no more.
    """
    now, playbook = desk.clock.now(), desk.playbook()
    desk.rests = {name: until for name, until in desk.rests.items() if until > now}
    busy = (name for name, calls in calling.items() if calls >= LANES)
    resting = {*busy, *desk.rests}
    with desk.store.snapshot() as snapshot:
        if not asks.are_due(snapshot, desk.space, now, resting):
            return [], 0
    work = partial(_claim, desk=desk, playbook=playbook, resting=resting, calling=calling, now=now)
    claimed, ended = desk.store.write(work)
    if ended:
        desk.store.signals.announce("inbox")
    return claimed, ended


def _claim(
    connection: Connection,
    desk: Desk,
    playbook: Playbook,
    resting: Collection[str],
    calling: Mapping[str, int],
    now: datetime,
) -> tuple[list[Claimed], int]:
    due = asks.lock_due(connection, desk.space, now, resting, MOST_AT_ONCE)
    going = asks.under_way(connection, desk.space, now, {one.asked for one in due})
    people = leads.load(connection, {ask.lead_id for ask in due if ask.lead_id}, ledgers=False)
    found: list[Claimed] = []
    ended, calls = 0, Counter(calling)
    for ask in due:
        if (ask.provider, ask.asked) in going or calls[ask.provider] >= LANES:
            continue  # the answer that is on its way may serve this one, too
        provider = _party(ask, playbook)
        lead = people.get(ask.lead_id or "")
        token = _lease(connection, desk, ask, provider, lead, now)
        if provider is not None and token:
            found.append(Claimed(ask, provider, token))
            going.add((ask.provider, ask.asked))
            calls[ask.provider] += 1
        else:
            ended += 1
    return found, ended


def _party(ask: Ask, playbook: Playbook) -> Party | None:
    """Return who is asked; ``None`` where the playbook of now knows nobody of the name."""
    if ask.provider.startswith(CAPTCHA):
        return captchas.captcha_named(ask.provider, playbook)
    if ask.provider.startswith(LEAD_ADS):
        return lead_ads.lead_ads_named(ask.provider, playbook)
    return playbook.enrichment.providers.get(ask.provider)


def _lease(
    connection: Connection, desk: Desk, ask: Ask, provider: Party | None, lead: Lead | None, now: datetime
) -> str:
    """Lease one question and count its call; blank where it ends, or waits, without one."""
    if provider is None:
        _end(
            connection,
            desk,
            ask,
            asks.FAILED,
            now,
            why=f'the playbook has no provider "{ask.provider}" any more',
        )
        return ""
    if isinstance(provider, Provider) and lead is not None and (why := consent.why_not(lead)):
        asks.withdraw(connection, ask)
        _tell(connection, desk, ask, now, state=asks.CAPPED, why=why)
        return ""
    kept = answers.find(connection, desk.space, ask.provider, ask.asked, provider.mark, now)
    if kept is not None:
        _end(connection, desk, ask, asks.CACHED, now, kept=kept)
        return ""
    rounds = MOST_ROUNDS if provider.on_failure == "later" else 1
    if ask.attempts >= _most_calls(provider) * rounds:
        _end(connection, desk, ask, asks.FAILED, now, why=f"no answer to {ask.attempts} calls")
        return ""
    capped = spending.take(connection, desk.space, ask.provider, provider.spend, now)
    if not capped:
        token = new_token(desk.mark)
        asks.lease(connection, ask, token, now + desk.lease_term)
        return token
    if provider.at_cap == "later":
        asks.put_off(connection, ask, spending.next_chance(capped, now), capped)
    else:
        _end(connection, desk, ask, asks.CAPPED, now, why=capped)
    return ""


def finish(desk: Desk, claimed: Claimed) -> None:
    """Make the call and record what came of it, where the question is still ours."""
    outcome = _called(desk, claimed)
    if isinstance(outcome, Later) and outcome.is_busy:
        wait = min(outcome.wait or FIRST_WAIT, LONGEST_WAIT)
        desk.rests[claimed.provider.name] = desk.clock.now() + timedelta(seconds=wait)
    write_again(desk.store, partial(_settle, desk=desk, claimed=claimed, outcome=outcome), desk.waits)
    desk.store.signals.announce("inbox")


def _called(desk: Desk, claimed: Claimed) -> Outcome:
    """Ask; whatever goes wrong on the way is an outcome, too."""
    party, ask = claimed.provider, claimed.ask
    name = party.name
    try:
        if isinstance(party, Captcha):
            if captchas.is_own(ask.told.get("token"), desk.secret(party.secret_env)):
                return OWN
            base = desk.base_of(CAPTCHA.rstrip(":"))
            request = captchas.request_of(party, ask.told, ask.key, desk.secret, base)
        elif isinstance(party, LeadAds):
            base = desk.base_of(party.kind)
            request = lead_ads.request_of(party, str(ask.told.get("lead") or ""), desk.secret, base)
        else:
            request = request_of(party, ask.told, desk.secret, desk.base_of(name))
    except LeadRelayError as error:  # a secret that is not set, or cannot be read
        return Refused(str(error))
    try:
        return desk.call(request)
    except Exception as error:  # a fault of ours: the question is not lost with it
        log.exception("asking.failed", provider=name, fault=mark_of(error))
        return Later(plain(error))


def _settle(connection: Connection, desk: Desk, claimed: Claimed, outcome: Outcome) -> None:
    ask, provider, now = claimed.ask, claimed.provider, desk.clock.now()
    if not asks.is_ours(connection, ask, claimed.token):
        log.warning("asking.lease_lost", provider=provider.name, ask=ask.id)
        return
    calls = ask.attempts + 1
    match outcome:
        case Answered() if outcome is OWN:
            state = _checked(connection, desk, ask, Checked(captchas.PASSED, "leadrelay source test"), now)
        case Answered(body) if isinstance(provider, Captcha):
            state = _checked(connection, desk, ask, captchas.checked(provider, body, calls), now)
        case Unknown() if isinstance(provider, Captcha):
            state = _checked(connection, desk, ask, Checked(captchas.DOWN, "HTTP 404"), now)
        case Answered(body) if isinstance(provider, LeadAds):
            notices.put(connection, ask, provider, body, now)
            state = _read(connection, desk, ask, now)
        case Unknown() if isinstance(provider, LeadAds):
            state = _read(connection, desk, ask, now, "HTTP 404: it is not there")
        case Answered(body):
            assert isinstance(provider, Provider)
            _keep(connection, desk, ask, provider, Kept(kept_of(provider, body), now))
            state = asks.ANSWERED
        case Unknown():
            assert isinstance(provider, Provider)
            _keep(connection, desk, ask, provider, Kept({}, now))
            state = asks.UNKNOWN
        case Later(reason, wait) if nth := calls % _most_calls(provider):
            pause = min(wait if wait is not None else FIRST_WAIT * 4 ** (nth - 1), LONGEST_WAIT)
            asks.put_off(connection, ask, now + timedelta(seconds=pause), reason)
            state = "put_off"
        case Later(reason) | Refused(reason):
            state = _given_up(connection, desk, claimed, calls, reason, is_final=isinstance(outcome, Refused))
    desk.observe(provider.name, state)
    log.info("asking.settled", provider=provider.name, ask=ask.id, state=state, calls=calls)


def _most_calls(provider: Party) -> int:
    """Return the calls for one question of which no answer is to be had, before it is given up."""
    return MOST_READS if isinstance(provider, LeadAds) else MOST_CALLS


def _checked(connection: Connection, desk: Desk, ask: Ask, said: Checked, now: datetime) -> str:
    """Settle what became of a token, with the event that has its post decided."""
    state = asks.FAILED if said.verdict == captchas.DOWN else asks.ANSWERED
    asks.settle(connection, ask, state, now, said.why)
    inbox.insert_new(connection, [checks.verdict(ask, said, desk.space, now)])
    return state


def _read(connection: Connection, desk: Desk, ask: Ask, now: datetime, why: str = "") -> str:
    """Settle a notice, with the event that has it decided: ``why`` its lead was not read."""
    state = asks.FAILED if why else asks.ANSWERED
    asks.settle(connection, ask, state, now, why)
    inbox.insert_new(connection, notices.arrived(connection, ask, why, desk.space, now))
    return state


def _keep(connection: Connection, desk: Desk, ask: Ask, provider: Party, kept: Kept) -> None:
    answers.keep(connection, desk.space, ask.provider, ask.asked, provider.mark, kept, provider.cache)
    _end(connection, desk, ask, asks.ANSWERED if kept.said else asks.UNKNOWN, kept.at, kept=kept)


def _given_up(
    connection: Connection, desk: Desk, claimed: Claimed, calls: int, reason: str, *, is_final: bool
) -> str:
    """Tell that there is no answer; with ``on_failure: later`` it is asked again a day later all the same."""
    ask, now = claimed.ask, desk.clock.now()
    is_last = calls >= MOST_CALLS * MOST_ROUNDS or claimed.provider.on_failure == "skip"
    if is_final or is_last:
        _end(connection, desk, ask, asks.FAILED, now, why=reason)
        return asks.FAILED
    asks.put_off(connection, ask, now + A_DAY, reason)
    _tell(connection, desk, ask, now, why=reason)
    return "put_off"


def _end(
    connection: Connection,
    desk: Desk,
    ask: Ask,
    state: str,
    now: datetime,
    *,
    kept: Kept | None = None,
    why: str = "",
) -> None:
    """Settle a question, with the event that tells the lead, or its post, of it."""
    if ask.provider.startswith(CAPTCHA):
        _checked(connection, desk, ask, Checked(captchas.DOWN, why), now)
        return
    if ask.provider.startswith(LEAD_ADS):
        _read(connection, desk, ask, now, why)
        return
    asks.settle(connection, ask, state, now, why)
    _tell(connection, desk, ask, now, state=state, kept=kept, why=why)


def _tell(
    connection: Connection,
    desk: Desk,
    ask: Ask,
    now: datetime,
    *,
    state: str = asks.FAILED,
    kept: Kept | None = None,
    why: str = "",
) -> None:
    said: Mapping[str, JsonValue] = kept.said if kept else {}
    event = Event(
        source=source_of(ask.provider),
        event_id=f"{ask.key}-{state}-{ask.attempts}-{to_text(ask.raised_at)}",  # withdrawn, it is raised anew
        kind=EventKind.ENRICHED,
        payload={
            "lead_id": ask.lead_id,
            "provider": ask.provider,
            "asked": ask.asked,
            "state": state,
            "values": dict(said),
            "answered_at": to_text(kept.at) if kept else None,
            "why": why,
        },
        occurred_at=kept.at if kept else now,
        received_at=now,
        space=desk.space,
    )
    inbox.insert_new(connection, [event])
