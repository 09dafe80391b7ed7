"""What a rule wants done, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from model.cause import NO_CAUSE, Cause
from model.consent import Consenting
from model.dispute import Held, Settled
from model.engagement import Engagement
from model.event import EventState, JsonValue, RecordRef
from model.lead import Identity


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule stands in the playbook."""

    file: str  # relative to the playbook folder: "scoring.yaml"
    line: int  # from 1
    column: int = 1  # from 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Because:
    """One reason, readable by a person; ``at`` is the rule in the playbook, or ``None`` for a core rule."""

    text: str
    at: Place | None = None
    candidates: tuple[
        Mapping[str, JsonValue], ...
    ] = ()  # of a turn: each member, and why not, or their place


@dataclass(frozen=True, slots=True)
class Reason:
    """One because-line with the handler that gave it."""

    handler: str
    because: Because


class Verdict(StrEnum):
    """What ``screen`` and ``identify`` say of an event; anything but ``GO`` ends it there."""

    GO = "go"
    SPAM = "spam"
    QUARANTINE = "quarantine"
    REVIEW = "review"


VERDICT_STATES: Mapping[Verdict, EventState] = {
    Verdict.SPAM: EventState.SPAM,
    Verdict.QUARANTINE: EventState.QUARANTINED,
    Verdict.REVIEW: EventState.REVIEW,
}


@dataclass(frozen=True, slots=True)
class ClaimIdentity:
    """Effect: this key finds this lead from now on."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class AddTouch:
    """Effect: append a touch to the lead's ledger."""

    at: datetime
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AddActivity:
    """Effect: append an activity to the lead's ledger."""

    kind: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class KeepEngagement:
    """Effect: keep what a CRM says now of something that was done with the lead."""

    engagement: Engagement


@dataclass(frozen=True, slots=True)
class EnterStage:
    """Effect: record a stage change (the field itself is in ``fields``).

    ``by`` is who moved it: ``rules``, ``deals``, ``page`` (of a verdict ``page: ada``), a connection
    where people did, ``join``, ``undo`` of a join.
    """

    stage: str
    previous: str | None
    by: str = "rules"
    pass_number: int = 1  # which time the lead goes up the way


class Way(StrEnum):
    """How a lead came to its owner."""

    PERSON = ""  # somebody said so, or it was so in a CRM
    TURN = "turn"
    STICKY = "sticky"  # who owns the company's other leads
    OWNER = "owner"  # of the territory
    TEST = "test"  # a test lead, which counts for nothing
    CREDIT = "credit"  # no assignment: the turn was given back


GIVEN = frozenset({Way.TURN, Way.STICKY, Way.OWNER})
"""The ways of leads that count towards caps and shares."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """Effect: record an assignment and move the pool's ledger.

    ``pool`` is empty when no rotation took place; ``virtual_time`` is the member's new
    position in the stride ledger, ``clock`` where the pool's rotation stands.
    """

    owner: str
    previous: str | None
    pool: str = ""
    virtual_time: float = 0.0
    way: Way = Way.PERSON
    clock: float | None = None
    credit: int = 0  # what the member is still owed for leads given back


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Effect: a lead that came by turn was none after all; the member gets another before the others."""

    owner: str
    pool: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Effect: look at the lead again at ``due_at``; ``None``: there is nothing to wait for any more.

    A lead has one timer of each ``kind`` and ``key``: setting it again moves it. ``at`` is the moment of the
    decision, ``why`` what the lead waits for, in words (200 characters of it are kept). Rules that ask must
    be known to ``Playbook.sets_timers``: else the timers of a lead are not loaded.
    """

    kind: str
    due_at: datetime | None
    at: datetime
    why: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class AskProvider:
    """Effect: ask this provider about the lead; its answer comes back as an ``enriched`` event.

    ``asked`` is by what the question is recognised (``model.enrichment.asked_of``): a lead is asked about
    once in the same words.
    """

    provider: str
    asked: str
    values: Mapping[str, JsonValue]  # of the lead, that the provider is told


@dataclass(frozen=True, slots=True)
class AskCaptcha:
    """Effect: have the token of this post checked; by the verdict the post is decided again."""

    source: str
    told: Mapping[str, JsonValue] = field(repr=False)  # "token", "ip"


@dataclass(frozen=True, slots=True)
class AskLead:
    """Effect: have the lead read that this notice names; then the notice is decided again."""

    source: str
    number: str  # of the lead, as its vendor counts


@dataclass(frozen=True, slots=True)
class AskReview:
    """Effect: put a pair or a doubt before a person without holding the lead back."""

    kind: str  # "shared_phone"
    detail: Mapping[str, JsonValue]
    lead_id: str | None = None  # of another lead than the event is about


@dataclass(frozen=True, slots=True)
class SettleReviews:
    """Effect: what was asked of the lead by reviews of this kind has answered itself.

    With ``records``: only where all the records that the review names are among these ids.
    """

    kind: str
    records: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SettleReview:
    """Effect: a person has answered this review; ``state`` is what became of it."""

    review: int
    state: str


@dataclass(frozen=True, slots=True)
class JudgePair:
    """Effect: whether two leads are one person; a word is kept for ever, whoever is taken into whom."""

    one: str
    other: str
    state: str  # "same", "different", "agreed": one person, and not joined yet; "open": a person is asked
    by: str
    undo_until: datetime | None = None  # of two that are joined: how long that can be undone
    why: str = ""  # of an open one: why the evidence alone did not join them


class EntityKind(StrEnum):
    """What an outbox row is about, most urgent first; its id is a lead's, of an account or a deal its own."""

    LEAD = "lead"
    ACCOUNT = "account"
    ASSOCIATION = "association"  # of a lead's record with its account's record
    DEAL = "deal"
    PARTIES = "parties"  # who takes part in a deal: its record's associations with people and company


@dataclass(frozen=True, slots=True)
class JoinAccount:
    """Effect: the lead belongs to this account, which takes these values into its blank fields."""

    account_id: str
    fields: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class DealMoved:
    """Effect: a deal was won, lost, opened or opened again; ``previous`` is ``None`` for a new one."""

    outcome: str
    previous: str | None
    amount: str | None  # an exact decimal
    currency: str
    reason: str | None
    leads: tuple[str, ...]  # who take part in it
    account_id: str | None
    since: datetime  # by the clock of the CRM where somebody said so


@dataclass(frozen=True, slots=True)
class TellLead:
    """Effect: a deal of this lead's has changed; the lead is looked at again, in an event of its own.

    ``is_news``: people may be told; of a deal that was there before leadrelay heard of it nobody is.
    """

    lead_id: str
    deal_id: str
    is_news: bool


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Effect: what this connection holds must become what the map says (``wanted`` + 1)."""

    connection: str
    object: str
    fields: tuple[str, ...]  # vendor fields that differ, for the reader of ``explain``
    kind: EntityKind = EntityKind.LEAD  # whose record it is
    lead_id: str = ""  # another lead than the one that is decided


@dataclass(frozen=True, slots=True)
class OneShot:
    """Effect: do this once: a task, a message, a merge or delete of records. The same key again is none.

    ``payload`` says what it is about (rule, because-lines, due time); the words are put
    together when it is sent. ``withheld`` says why it must not be sent, where that is known.
    """

    key: str  # ours; ``one_shot_key``
    kind: str  # "task" | "message" | "merge" | "delete"
    target: str  # a connection or a channel
    payload: Mapping[str, JsonValue]
    needs: tuple[str, ...] = ()  # connections whose record should be there first
    patience: timedelta = timedelta(0)  # how long it waits for them
    withheld: str = ""
    not_before: datetime | None = None  # it waits until then, or until ``EndWait``
    cause: Cause = NO_CAUSE  # ``NO_CONSENT``: it goes ahead once the gate is open


def one_shot_key(*parts: str | int) -> str:
    """Return the key of a one-shot effect: the same parts (kind, lead, target, cause) give the same key."""
    text = "\x1f".join(map(str, parts))
    return f"ef_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class NoteConsent:
    """Effect: append to the ledger what somebody said of a purpose."""

    said: Consenting


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Effect: what gates of consent kept back of the lead is looked at again."""


@dataclass(frozen=True, slots=True)
class EndWait:
    """Effect: the lead waits for no provider any more; messages that waited with it are due."""


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Effect: a one-shot effect that was given up is due once more, because a person asked for it."""

    effect: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Effect: read this record by id; it comes back as a ``changed`` event."""

    connection: str
    object: str
    remote_id: str
    history: bool = False  # since when each field has held its value, too
    wait: float = 0.0  # seconds before, for what must come to its end meanwhile
    is_mend: bool = False  # a reconcile asks for it: behind what somebody just told of


@dataclass(frozen=True, slots=True)
class Propose:
    """Effect: something could be done to records of one person in a CRM, and a person is to say whether.

    ``merge``: ``record`` could go into ``keep``. ``delete``: ``record`` could be deleted. ``forget``: it was
    erased in the CRM, and its lead could be forgotten here. ``accepted``
    where the playbook says so without asking a person; ``why`` says what gave rise to it. ``who``: by what
    people know somebody whose lead goes with this; it is kept while the question waits.
    """

    kind: str  # "merge" | "delete" | "forget"
    record: RecordRef
    why: str
    keep: RecordRef | None = None
    accepted: bool = False
    who: str = ""


@dataclass(frozen=True, slots=True)
class AnswerProposal:
    """Effect: a person accepted or refused what was proposed."""

    proposal: int
    accepts: bool
    by: str


@dataclass(frozen=True, slots=True)
class SeenAsOne:
    """Effect: these ids of people's records in one CRM are one record now, ``left``."""

    left: RecordRef
    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class SeenGone:
    """Effect: this record was deleted: what was proposed about it has answered itself."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class NoteDeletion:
    """Effect: people deleted this record.

    ``told``: it is read by id before anything follows. ``held``: nothing follows before a person has looked.
    """

    record: RecordRef
    state: str = "done"  # "told" | "held" | "done"


@dataclass(frozen=True, slots=True)
class NoteErasure:
    """Effect: a CRM says that it has erased this record, for privacy; it is read before that is believed."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class NoteRestored:
    """Effect: a record that was deleted is there again."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class AnswerDeletion:
    """Effect: a person let a deletion that was held take effect, or left it at that."""

    deletion: int
    accepts: bool
    by: str


@dataclass(frozen=True, slots=True)
class ForgetRecord:
    """Effect: drop what the mirror holds of this record: a CRM has erased the person for good."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class ForgetLead:
    """Effect: remove a lead and everything that hangs on it, because a CRM erased the person for good.

    ``keys`` are remembered as hashes, so that a record elsewhere does not make the person a lead again;
    ``records`` go out of the mirror.
    """

    lead_id: str
    connection: str
    keys: tuple[Identity, ...]
    records: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True)
class RecordConflict:
    """Effect: both sides moved a field; keep the losing value where a person can find it."""

    connection: str
    field: str
    kept: JsonValue
    lost: JsonValue
    rule: str


@dataclass(frozen=True, slots=True)
class HoldField:
    """Effect: a person must decide about a field; until then neither side's value is written."""

    connection: str
    field: str  # of the lead or account
    remote: str  # of the vendor
    held: Held
    why: str


@dataclass(frozen=True, slots=True)
class FreeField:
    """Effect: a held field needs nobody any more, or somebody decided (``by``; blank: it settled itself)."""

    connection: str
    field: str
    choice: str  # "theirs", "ours", "value"; blank: nobody chose
    why: str
    by: str
    settled: Settled | None = None


@dataclass(frozen=True, slots=True)
class ForgetTestLead:
    """Effect: remove a marked test lead and everything that hangs on it."""

    lead_id: str


@dataclass(frozen=True, slots=True)
class ForgetTestEvent:
    """Effect: remove a marked test post that became no lead."""

    event: int


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Effect: remove rows of a file that is taken back, with the touches and activities they left.

    ``keys`` are what the lead was known by because of them alone.
    """

    events: tuple[int, ...]
    keys: tuple[Identity, ...] = ()


Effect = (
    ClaimIdentity
    | AddTouch
    | AddActivity
    | KeepEngagement
    | EnterStage
    | Assigned
    | GiveBack
    | SetTimer
    | AskProvider
    | AskCaptcha
    | AskLead
    | AskReview
    | JoinAccount
    | DealMoved
    | TellLead
    | WriteBack
    | OneShot
    | NoteConsent
    | LookAgain
    | EndWait
    | SendAgain
    | Fetch
    | SettleReviews
    | SettleReview
    | JudgePair
    | Propose
    | AnswerProposal
    | SeenAsOne
    | SeenGone
    | NoteDeletion
    | NoteErasure
    | NoteRestored
    | AnswerDeletion
    | ForgetRecord
    | ForgetLead
    | RecordConflict
    | HoldField
    | FreeField
    | ForgetTestLead
    | ForgetTestEvent
    | TakeBack
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one handler wants done (fields, effects), and why.

    ``fields`` replace the lead's values; ``None`` blanks one. ``lead_id`` is set only by
    ``identify``: the known lead this event belongs to (``""`` for a new one). ``cause`` names in a
    word why a verdict is not ``GO``. ``facts`` are kept with the decision for who asks what each rule was
    worth (``mappings.truths``): what this handler looked at beside the lead.
    """

    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    because: tuple[Because, ...] = ()
    verdict: Verdict = Verdict.GO
    lead_id: str | None = None
    cause: Cause = NO_CAUSE
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


NOTHING = Decision()
