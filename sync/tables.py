"""The tables, as the newest migration leaves them."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from model.times import from_text, to_text

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows only for INTEGER keys


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment: ``timestamptz`` on PostgreSQL, sortable ISO text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(27))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_text(value) if isinstance(value, str) else value.astimezone(UTC)


class Encoded(str):
    """JSON text of a value, for a column of JSON."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """JSON kept as text: what a sender wrote must survive, and PostgreSQL's own types refuse some of it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return value if value is None or isinstance(value, Encoded) else to_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


def searchable(length: int) -> sa.String:
    """Return the type of a text that is compared byte by byte, so that an index finds what begins alike."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


_LONG = re.compile(r"\d{19}")  # 2**64 has twenty digits, 2**63 nineteen


def from_json(text: str) -> Any:
    """Read JSON. orjson is faster, but makes a float of 2**64 and refuses half of a surrogate pair."""
    if _LONG.search(text) is None:
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(text)
    return json.loads(text)


def to_json(value: Any) -> Encoded:
    """Write a value as compact JSON."""
    try:
        return Encoded(orjson.dumps(value), "utf-8")
    except TypeError:  # a whole number beyond 64 bits, half of a surrogate pair
        return Encoded(_encode(value))


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Moment, nullable=nullable)


inbox_events = sa.Table(
    "inbox_events",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("event_id", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("record_connection", sa.String(64)),
    sa.Column("record_object", sa.String(64)),
    sa.Column("record_id", sa.String(64)),
    _moment("occurred_at"),
    _moment("received_at"),
    sa.Column("state", sa.String(16), nullable=False),
    _moment("decided_at", nullable=True),
    sa.Column("decided_seq", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reasons", Json),  # why it is not a lead: [{"text", "at"}]
    sa.Column("error", sa.Text),
    sa.Column("lead_id", sa.String(40)),
    sa.Column(
        "cause", searchable(200), nullable=False, server_default=sa.text("''")
    ),  # ``model.cause``, while set aside
    sa.UniqueConstraint("space", "source", "event_id"),
)
sa.Index(
    "ix_inbox_events_waiting",
    inbox_events.c.space,
    inbox_events.c.id,
    sqlite_where=inbox_events.c.state == "waiting",
    postgresql_where=inbox_events.c.state == "waiting",
)
sa.Index("ix_inbox_events_lead_id", inbox_events.c.lead_id)
sa.Index("ix_inbox_events_state", inbox_events.c.space, inbox_events.c.state, inbox_events.c.id)

# With OR: that one state of them implies it, both databases can tell.
SET_ASIDE = "state = 'quarantined' OR state = 'review' OR state = 'spam' OR state = 'dead'"
sa.Index(  # what waits for a person: by it lists are filtered and groups counted without reading a row
    "ix_inbox_events_aside",
    *(inbox_events.c[_name] for _name in ("space", "state", "id", "source", "cause", "received_at")),
    sqlite_where=sa.text(SET_ASIDE),
    postgresql_where=sa.text(SET_ASIDE),
)

body_hashes = sa.Table(
    "body_hashes",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(200), nullable=False),
    _moment("expires_at"),
)
sa.Index("ix_body_hashes_expires_at", body_hashes.c.expires_at)

source_days = sa.Table(  # roll-up for status and reconciliation; kept by the transactions that cause it
    "source_days",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
)

leads = sa.Table(
    "leads",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("unit", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("email", searchable(320)),  # these four repeat ``fields`` for look-ups and lists
    sa.Column("stage", sa.String(64)),
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(320)),
    sa.Column("account_id", sa.String(40)),  # repeats ``fields``, too: which company it is
    sa.Column(
        "full_name", searchable(200)
    ),  # these three as ``search_key`` writes them: what a search begins with
    sa.Column("last_name", searchable(200)),
    sa.Column("company", searchable(200)),
    sa.Column("fields", Json, nullable=False),
    sa.Column("provenance", Json, nullable=False),
    sa.Column("is_test", sa.Boolean, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
)
sa.Index("ix_leads_email", leads.c.space, leads.c.email)
# What each costs is told in docs/performance.md; an UPDATE writes only those whose columns change.
for _name in ("full_name", "last_name", "company"):  # the pages' search, with the e-mail's
    sa.Index(f"ix_leads_{_name}", leads.c.space, leads.c[_name])
for _names in ((), ("stage",), ("owner",)):  # the pages' lists, newest first; the overview's counts by stage
    _columns = [leads.c[_name] for _name in ("space", *_names, "created_at", "id")]
    sa.Index("_".join(("ix_leads", *_names, "created_at")), *_columns)
sa.Index(  # by score with any filter: all that is asked is in it, so no row is read but those shown
    "ix_leads_score", *(leads.c[_name] for _name in ("space", "score", "id", "stage", "owner", "is_test"))
)
sa.Index(  # who belongs to a company
    "ix_leads_account_id",
    leads.c.account_id,
    leads.c.id,
    sqlite_where=sa.text("account_id IS NOT NULL"),
    postgresql_where=sa.text("account_id IS NOT NULL"),
)
sa.Index(  # the few that no count counts
    "ix_leads_test",
    leads.c.space,
    leads.c.stage,
    sqlite_where=sa.text("is_test"),
    postgresql_where=sa.text("is_test"),
)

accounts = sa.Table(  # companies; the id follows from space and domain
    "accounts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("domain", sa.String(255), nullable=False),  # repeats ``fields``, for look-ups
    sa.Column("fields", Json, nullable=False),
    sa.Column("provenance", Json, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    sa.UniqueConstraint("space", "domain"),
)

deals = sa.Table(
    "deals",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(255), nullable=False),  # these six repeat ``fields``, for lists and reports
    sa.Column("stage", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(320)),
    sa.Column("outcome", sa.String(8), nullable=False),
    sa.Column("amount", sa.String(24)),  # an exact decimal
    sa.Column("currency", sa.String(3), nullable=False),  # the playbook's where nobody says
    sa.Column("fields", Json, nullable=False),
    sa.Column("provenance", Json, nullable=False),
    _moment("closed_at", nullable=True),  # when it was won or lost, by the CRM's clock
    _moment("created_at"),
    _moment("updated_at"),
)
sa.Index("ix_deals_created_at", deals.c.space, deals.c.created_at, deals.c.id)
sa.Index("ix_deals_outcome", deals.c.space, deals.c.outcome, deals.c.created_at, deals.c.id)

deal_parties = sa.Table(  # who takes part in a deal: leads, and the account
    "deal_parties",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("deal_id", sa.String(40), nullable=False),
    sa.Column("lead_id", sa.String(40)),  # one of these two
    sa.Column("account_id", sa.String(40)),
    sa.Column("is_primary", sa.Boolean, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),  # their order in the deal
    sa.UniqueConstraint("deal_id", "lead_id"),
)
sa.Index("ix_deal_parties_lead_id", deal_parties.c.lead_id)
sa.Index("ix_deal_parties_account_id", deal_parties.c.account_id)

deal_outcomes = (
    sa.Table(  # a ledger: each time that a deal was won, lost or reopened, and what it was worth then
        "deal_outcomes",
        metadata,
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("deal_id", sa.String(40), nullable=False),
        sa.Column("event", RowId, nullable=False),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("was", sa.String(8)),  # none: the deal was new
        sa.Column("amount", sa.String(24)),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("leads", Json, nullable=False),  # who took part then
        sa.Column("account_id", sa.String(40)),
        _moment("since"),  # when it became so, by the clock of the CRM that said so
        _moment("at"),
    )
)
sa.Index("ix_deal_outcomes_deal_id", deal_outcomes.c.deal_id)
sa.Index("ix_deal_outcomes_space", deal_outcomes.c.space, deal_outcomes.c.id)

merged_leads = sa.Table(  # leads that turned out to be another one's person
    "merged_leads",
    metadata,
    sa.Column("lead_id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("into", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),
    sa.Column("was", Json, nullable=False),  # its links, and when it was made
    _moment("at"),
)
sa.Index("ix_merged_leads_into", merged_leads.c.into)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("value", sa.String(400), primary_key=True),
    sa.Column("lead_id", sa.String(40), nullable=False),
)
sa.Index("ix_identities_lead_id", identities.c.lead_id)


def _links(name: str, owner: str) -> sa.Table:
    """Declare which remote record is which lead, account or deal: at most one on each connection."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("connection", sa.String(64), nullable=False),
        sa.Column("object", sa.String(64), nullable=False),
        sa.Column("remote_id", sa.String(64), nullable=False),
        sa.Column(owner, sa.String(40), nullable=False),
        sa.Column("shadow", Json, nullable=False),
        sa.Column("written", Json, nullable=False),
        sa.Column("aliases", Json, nullable=False),
        sa.Column("rev", sa.Integer, nullable=False),
        _moment("read_at", nullable=True),
        sa.Column("disputes", Json, nullable=False, server_default="{}"),  # by vendor field
        _moment("modified_at", nullable=True),  # the vendor's stamp of the newest version that is known
        _moment("wrote_at", nullable=True),  # when an answer to a write of ours was last settled
        sa.Column(
            "recent", Json, nullable=False, server_default="{}"
        ),  # values that a write of ours replaced
        _moment("gone_at", nullable=True),  # the record was deleted, and nothing took its place
        sa.UniqueConstraint("space", "connection", "object", "remote_id"),
        sa.UniqueConstraint(owner, "connection"),
    )


links = _links("links", "lead_id")
account_links = _links("account_links", "account_id")
deal_links = _links("deal_links", "deal_id")

teammates = sa.Table(
    "teammates",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("email", sa.String(320), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("ids", Json, nullable=False),
    sa.Column("active", Json, nullable=False),
    _moment("updated_at"),
)

rosters = sa.Table(  # when the owners of a connection were last read
    "rosters",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    _moment("read_at"),
)


connections = sa.Table(  # accounts connected by command; the environment may name others
    "connections",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),  # as in crm/*.yaml
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("base_url", sa.String(400), nullable=False),
    sa.Column("method", sa.String(32), nullable=False),  # "oauth", "token", "client_credentials", "jwt"
    sa.Column("sealed", sa.Text, nullable=False),  # credentials; the key is in the environment
    sa.Column("account", sa.String(64), nullable=False),  # the vendor's id of it
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("by", sa.String(128), nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    sa.Column("reconnect", sa.Text),  # why it is to be connected anew; NULL: it need not be
    sa.CheckConstraint("mode IN ('observe', 'write')", name="mode"),
)

oauth_states = sa.Table(  # people on the way to a vendor's page and back
    "oauth_states",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),  # of the state; the browser alone has it
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("session", sa.String(64), nullable=False),  # hash of the browser's session
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),  # what the code is redeemed with
    sa.Column("by", sa.String(128), nullable=False),
    _moment("expires_at"),
)


def _ledger(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """Declare an append-only ledger of a lead: every row names the event that made it."""
    table = sa.Table(
        name,
        metadata,
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("lead_id", sa.String(40), nullable=False),
        sa.Column("event", RowId, nullable=False),
        _moment("at"),
        *columns,
    )
    sa.Index(f"ix_{name}_lead_id", table.c.lead_id)
    return table


touches = _ledger("touches", sa.Column("fields", Json, nullable=False))
activities = _ledger(
    "activities",
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
)
engagements = sa.Table(  # what was done with a lead in the CRMs, each as its CRM has it now
    "engagements",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("remote_id", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # ``model.engagement``
    sa.Column("standing", sa.String(16), nullable=False),
    _moment("at"),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("by", sa.String(320), nullable=False),
    sa.Column("is_response", sa.Boolean, nullable=False),
    sa.Column("is_ours", sa.Boolean, nullable=False),
    _moment("modified_at", nullable=True),  # by the vendor's clock
    sa.Column("version", sa.String(32), nullable=False),  # a hash of what the CRM said of it
    sa.Column("event", RowId, nullable=False),  # that told of this version
    sa.UniqueConstraint("lead_id", "connection", "object", "remote_id"),
)
sa.Index(
    "ix_engagements_record",
    engagements.c.connection,
    engagements.c.object,
    engagements.c.remote_id,
)
stage_history = _ledger(
    "stage_history",
    sa.Column("stage", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64)),
)
assignments = _ledger(
    "assignments",
    sa.Column("owner", sa.String(320), nullable=False),
    sa.Column("previous", sa.String(320)),
    sa.Column("pool", sa.String(64), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)
scores = _ledger(
    "scores",
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("previous", sa.Integer, nullable=False),
    sa.Column("playbook", sa.String(12), nullable=False),
)
conflicts = _ledger(  # ``lead_id`` is an account's or a deal's id where those are concerned
    "conflicts",
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("field", sa.String(128), nullable=False),
    sa.Column("kept", Json),
    sa.Column("lost", Json),
    sa.Column("rule", sa.String(200), nullable=False),
)

sa.Index("ix_conflicts_space", conflicts.c.space, conflicts.c.id)

holds = sa.Table(  # fields on which two sides differ until a person decides
    "holds",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("entity_kind", sa.String(16), nullable=False),  # "lead", "account", "deal"
    sa.Column("entity_id", sa.String(40), nullable=False),
    sa.Column("field", sa.String(128), nullable=False),  # of the lead or account
    sa.Column("remote", sa.String(128), nullable=False),  # of the vendor; the three values are in its form
    sa.Column("base", Json),
    sa.Column("ours", Json),
    sa.Column("theirs", Json),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    _moment("since"),
    sa.Column("choice", sa.String(16), nullable=False),  # "theirs", "ours", "value"
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("outcome", sa.String(200), nullable=False),  # how it ended, in words
    _moment("settled_at", nullable=True),
    sa.CheckConstraint("state IN ('open', 'settled')", name="state"),
)
sa.Index(
    "uq_holds_open",
    holds.c.space,
    holds.c.entity_id,
    holds.c.connection,
    holds.c.field,
    unique=True,
    sqlite_where=sa.text("state = 'open'"),
    postgresql_where=sa.text("state = 'open'"),
)
sa.Index("ix_holds_state", holds.c.space, holds.c.state, holds.c.id)
sa.Index("ix_holds_entity_id", holds.c.entity_id)

PROPOSAL_STATES = ("open", "accepted", "refused", "done", "over")

proposals = sa.Table(  # what could be done to records of one person in one CRM, once somebody says so
    "proposals",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # "merge": ``record`` goes into ``keep``
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),  # that gave rise to it
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("record", sa.String(64), nullable=False),
    sa.Column("keep_object", sa.String(64), nullable=False),
    sa.Column("keep", sa.String(64), nullable=False),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    _moment("since"),
    sa.Column("by", sa.String(128), nullable=False),  # who answered; "playbook": the CRM's map did
    sa.Column("outcome", sa.String(200), nullable=False),
    sa.Column("effect", sa.String(64), nullable=False),  # the key of what does it, once accepted
    _moment("settled_at", nullable=True),
    sa.UniqueConstraint("space", "kind", "connection", "object", "record", "keep"),
    sa.CheckConstraint(f"state IN {PROPOSAL_STATES}", name="state"),
)
sa.Index("ix_proposals_state", proposals.c.space, proposals.c.state, proposals.c.id)
sa.Index("ix_proposals_lead_id", proposals.c.lead_id)
sa.Index("ix_proposals_record", proposals.c.space, proposals.c.connection, proposals.c.record)
sa.Index("ix_proposals_keep", proposals.c.space, proposals.c.connection, proposals.c.keep)

DELETION_STATES = ("told", "done", "held", "released", "dismissed", "restored")

deletions = sa.Table(  # people's records that were deleted in a CRM; the brake counts them
    "deletions",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("record", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40), nullable=False),  # blank: nobody's, or of one who is forgotten
    _moment("at"),
    sa.Column("state", sa.String(16), nullable=False),  # "told": a webhook named it, it was not seen yet
    sa.Column("is_erased", sa.Boolean, nullable=False),  # the CRM says: for good, for privacy
    sa.Column("by", sa.String(128), nullable=False),  # who let it take effect, or left it at that
    sa.UniqueConstraint("space", "connection", "object", "record"),
    sa.CheckConstraint(f"state IN {DELETION_STATES}", name="state"),
)
sa.Index("ix_deletions_at", deletions.c.space, deletions.c.connection, deletions.c.state, deletions.c.at)
sa.Index(
    "ix_deletions_held",
    deletions.c.space,
    deletions.c.connection,
    deletions.c.id,
    sqlite_where=sa.text("state = 'held'"),
    postgresql_where=sa.text("state = 'held'"),
)
sa.Index("ix_deletions_lead_id", deletions.c.lead_id)

forgotten = sa.Table(  # whom a CRM erased for privacy: no record elsewhere makes them a lead again
    "forgotten",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),  # of an address
    sa.Column("connection", sa.String(64), nullable=False),
    _moment("at"),
)

seats = sa.Table(  # the stride ledger of each pool
    "seats",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("pool", sa.String(64), primary_key=True),
    sa.Column("email", sa.String(320), primary_key=True),
    sa.Column("virtual_time", sa.Double, nullable=False),
    sa.Column("last_assigned_seq", sa.BigInteger, nullable=False),
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("event", RowId, nullable=False),
    sa.Column("lead_id", sa.String(40)),
    sa.Column("detail", Json, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("doubt", sa.String(64), nullable=False),  # hash of what is asked: once while open
    _moment("created_at"),
)
sa.Index(
    "uq_reviews_open_doubt",
    reviews.c.space,
    reviews.c.doubt,
    unique=True,
    sqlite_where=sa.text("state = 'open'"),
    postgresql_where=sa.text("state = 'open'"),
)
sa.Index("ix_reviews_state", reviews.c.space, reviews.c.state, reviews.c.id)
sa.Index("ix_reviews_lead_id", reviews.c.lead_id)

outbox_changes = sa.Table(
    "outbox_changes",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("entity_kind", sa.String(16), nullable=False),
    sa.Column("entity_id", sa.String(40), nullable=False),
    # Level-triggered: due while wanted > done. ``dead`` is the ``wanted`` at which it was given up, so that
    # whatever raises ``wanted`` again (a post, a replay) also revives it.
    sa.Column("wanted", sa.BigInteger, nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("dead", sa.BigInteger, nullable=False),
    sa.Column("needs", Json, nullable=False),  # connections whose link must exist first
    sa.Column("priority", sa.SmallInteger, nullable=False, server_default="1"),  # ``model.priority``
    sa.Column("attempts", sa.Integer, nullable=False),
    _moment("due_at"),
    _moment("raised_at"),
    _moment("settled_at", nullable=True),
    sa.Column("lease_token", sa.String(40)),
    _moment("lease_until", nullable=True),
    sa.Column("in_flight", Json),  # exact values about to be sent, and earlier ones still in doubt
    sa.Column("error", sa.Text),
    sa.Column(
        "cause", searchable(200), nullable=False, server_default=sa.text("''")
    ),  # ``model.cause`` of a dead letter
    sa.Column("letter", Json),  # of a dead letter: {"attempts", "sent"}
    sa.Column("release", sa.Integer),  # number of the go-live that let it out; its brake counts the writes
    sa.UniqueConstraint("space", "connection", "object", "entity_kind", "entity_id"),
)
sa.Index(
    "ix_outbox_changes_due",
    outbox_changes.c.space,
    outbox_changes.c.connection,
    outbox_changes.c.entity_kind,
    outbox_changes.c.priority,
    outbox_changes.c.due_at,
    sqlite_where=sa.text("wanted > done AND wanted > dead"),
    postgresql_where=sa.text("wanted > done AND wanted > dead"),
)
sa.Index("ix_outbox_changes_entity", outbox_changes.c.entity_id)
LETTER = ("space", "id", "connection", "object", "cause", "settled_at", "wanted", "done", "dead")
sa.Index(  # as that of events set aside; the counters are in it lest SQLite look them up in the row
    "ix_outbox_changes_letters",
    *(outbox_changes.c[_name] for _name in LETTER),
    sqlite_where=sa.text("dead > done AND wanted <= dead"),
    postgresql_where=sa.text("dead > done AND wanted <= dead"),
)

EFFECT_STATES = ("waiting", "leased", "sent", "unknown", "withheld", "dead")

outbox_effects = sa.Table(  # tasks, messages, deeds on records: each once, by our key
    "outbox_effects",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # of lead, kind, target and cause
    sa.Column("kind", sa.String(16), nullable=False),  # "task", "message", "merge", "delete"
    sa.Column("target", sa.String(64), nullable=False),  # a connection or a channel
    sa.Column("lead_id", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),  # that caused it
    sa.Column("payload", Json, nullable=False),  # which rule, and why
    sa.Column("needs", Json, nullable=False),  # connections whose link should exist first
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    _moment("due_at"),
    _moment("patient_until"),  # it waits for what it needs until then
    _moment("raised_at"),
    _moment("settled_at", nullable=True),
    sa.Column("lease_token", sa.String(40)),
    _moment("lease_until", nullable=True),
    sa.Column("in_flight", Json),  # what was about to be sent, and may have arrived
    sa.Column("remote_id", sa.String(200)),
    sa.Column("error", sa.Text),
    sa.Column("cause", searchable(200), nullable=False, server_default=sa.text("''")),
    sa.Column("letter", Json),
    sa.UniqueConstraint("space", "key"),
    sa.CheckConstraint(f"state IN {EFFECT_STATES}", name="state"),
)
sa.Index(
    "ix_outbox_effects_due",
    outbox_effects.c.space,
    outbox_effects.c.target,
    outbox_effects.c.due_at,
    sqlite_where=sa.text("state IN ('waiting', 'leased')"),
    postgresql_where=sa.text("state IN ('waiting', 'leased')"),
)
sa.Index("ix_outbox_effects_lead_id", outbox_effects.c.lead_id)
sa.Index("ix_outbox_effects_state", outbox_effects.c.space, outbox_effects.c.target, outbox_effects.c.state)
sa.Index(
    "ix_outbox_effects_unsent",
    outbox_effects.c.space,
    outbox_effects.c.state,
    outbox_effects.c.target,
    sqlite_where=sa.text("state <> 'sent'"),
    postgresql_where=sa.text("state <> 'sent'"),
)

outbox_fetches = sa.Table(  # records to be read by id: a row while one is wanted
    "outbox_fetches",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("remote_id", sa.String(64), primary_key=True),
    sa.Column("wanted", sa.BigInteger, nullable=False),  # raised by each wish; another one while it is read
    sa.Column("history", sa.Boolean, nullable=False),  # since when each field has held its value, too
    # Only to mend what a reconcile found: it goes behind what somebody just told of.
    sa.Column("is_mend", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.Integer, nullable=False),
    _moment("due_at"),
    _moment("raised_at"),
    sa.Column("lease_token", sa.String(40)),
    _moment("lease_until", nullable=True),
    sa.Column("error", sa.Text),
)
sa.Index(
    "ix_outbox_fetches_due",
    *(outbox_fetches.c[_name] for _name in ("space", "connection", "is_mend", "due_at")),
)
sa.Index(
    "ix_outbox_effects_letters",
    *(outbox_effects.c[_name] for _name in ("space", "id", "target", "kind", "cause", "settled_at", "state")),
    sqlite_where=sa.text("state = 'dead'"),
    postgresql_where=sa.text("state = 'dead'"),
)

replays = sa.Table(  # lists of dead letters that somebody wants sent again, a chunk at a time
    "replays",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("shelf", sa.String(16), nullable=False),  # "change", "effect", or a state of events
    sa.Column("asked", Json, nullable=False),  # the filter
    sa.Column("overrides", Json, nullable=False),  # what is corrected of each event
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("upto", sa.BigInteger, nullable=False),  # the newest letter when it was asked for
    sa.Column("after", sa.BigInteger, nullable=False),  # the last one handed in
    sa.Column("total", sa.BigInteger, nullable=False),  # letters to hand in
    sa.Column("handed_in", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    _moment("asked_at"),
    _moment("moved_at"),
    sa.CheckConstraint("state IN ('running', 'done')", name="state"),
)
sa.Index(  # the same list is not sent twice at once, however often somebody clicks
    "uq_replays_running",
    replays.c.space,
    replays.c.shelf,
    replays.c.asked,
    replays.c.overrides,
    unique=True,
    sqlite_where=sa.text("state = 'running'"),
    postgresql_where=sa.text("state = 'running'"),
)

releases = sa.Table(  # the paced release of what an observed connection had gathered, with its brake
    "releases",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),  # of the go-live; each begins with counts of nought
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("expected", sa.BigInteger, nullable=False),  # records to write, as the plan said
    sa.Column("at_most", sa.BigInteger, nullable=False),  # the brake
    sa.Column("released", sa.BigInteger, nullable=False),
    sa.Column("written", sa.BigInteger, nullable=False),
    sa.Column("cursor", sa.String(40)),  # the lead up to which rows were made; NULL: all were looked at
    sa.Column("reason", sa.Text, nullable=False),  # why it is held
    sa.Column("by", sa.String(128), nullable=False),
    _moment("began_at"),
    _moment("changed_at"),
    sa.CheckConstraint("state IN ('preparing', 'releasing', 'held', 'done', 'stopped')", name="state"),
)

mirror = sa.Table(  # what backfill and polls last saw of every record
    "mirror",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("remote_id", sa.String(64), primary_key=True),
    sa.Column("fields", Json, nullable=False),  # the vendor's names; a name that is not in it was not read
    _moment("modified_at", nullable=True),  # by the vendor's clock
    _moment("read_at"),
    sa.Column("is_archived", sa.Boolean, nullable=False),
    sa.Column("became", sa.String(64)),  # a converted Lead: the id of its Contact
    # A short hash of the values of which the decider was told, or need not be; NULL: of another version.
    sa.Column("told", sa.String(32)),
)

mirror_keys = sa.Table(  # what finds a mirrored record; several records may share a value
    "mirror_keys",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column(
        "kind", sa.String(16), primary_key=True
    ),  # "email", "lead", "domain"; of deals "person", "company"
    sa.Column("value", sa.String(400), primary_key=True),  # in match form
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("remote_id", sa.String(64), primary_key=True),
    sqlite_with_rowid=False,  # it is all key: once on disk is enough
)
sa.Index(
    "ix_mirror_keys_record",
    mirror_keys.c.space,
    mirror_keys.c.connection,
    mirror_keys.c.object,
    mirror_keys.c.remote_id,
)

cursors = sa.Table(  # how far a walk through something long has come; moved with what the step stored
    "cursors",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(32), primary_key=True),  # "backfill", "match"
    sa.Column("object", sa.String(64), primary_key=True),  # "contacts", "Lead"; blank where a job has none
    sa.Column("after", sa.String(200)),  # the last one done; none: at the beginning
    sa.Column("fields", Json, nullable=False),  # the names that were asked for
    sa.Column("absent", Json, nullable=False),  # those of them that the other side does not have
    sa.Column("seen", sa.BigInteger, nullable=False),
    sa.Column("skipped", sa.BigInteger, nullable=False),  # could not be read
    sa.Column("total", sa.BigInteger),  # as the other side counts them; none: not told yet
    sa.Column("problem", sa.Text),  # why the last step failed; none: it did not
    _moment("begun_at"),
    _moment("moved_at"),
    _moment("finished_at", nullable=True),
)

reconciles = sa.Table(  # comparisons of a connection's records with what is here: one run a row
    "reconciles",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),  # the only one it looks at; blank: all
    sa.Column("asked", Json, nullable=False),  # {"sample", "object", "seed", "nightly"}; no sample: all
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("steps", sa.BigInteger, nullable=False),  # so far; compared and set by each step
    sa.Column("place", Json, nullable=False),  # where the next step goes on
    sa.Column("chosen", Json, nullable=False),  # links of a sample: [[table, object, remote id], …]
    sa.Column("counts", Json, nullable=False),  # how many on each side, and why not the same
    sa.Column("tallies", Json, nullable=False),  # differences by kind, object and field
    sa.Column("looked", sa.BigInteger, nullable=False),  # links compared
    sa.Column("moving", sa.BigInteger, nullable=False),  # that changed while they were read
    sa.Column("found", sa.BigInteger, nullable=False),  # differences
    sa.Column("faults", sa.BigInteger, nullable=False),  # those of them that should not be
    sa.Column("faulty", sa.BigInteger, nullable=False),  # links compared that have one
    sa.Column("problem", sa.Text),  # why the last step failed; none: it did not
    _moment("failing_since", nullable=True),
    _moment("due_at"),
    _moment("begun_at"),
    _moment("moved_at"),
    _moment("finished_at", nullable=True),
    sa.CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),
)
sa.Index("ix_reconciles_connection", reconciles.c.space, reconciles.c.connection, reconciles.c.id)
sa.Index(  # one at a time
    "uq_reconciles_running",
    reconciles.c.space,
    reconciles.c.connection,
    unique=True,
    sqlite_where=sa.text("state = 'running'"),
    postgresql_where=sa.text("state = 'running'"),
)

differences = sa.Table(  # what a run found
    "differences",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("run", sa.BigInteger, nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # ``sync.reconciling.kinds``
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("field", sa.String(128), nullable=False),  # of the lead or account; blank: of the whole record
    sa.Column("remote", sa.String(128), nullable=False),
    sa.Column("entity_kind", sa.String(16), nullable=False),
    sa.Column("entity_id", sa.String(40), nullable=False),  # blank: nobody's record
    sa.Column("record_id", sa.String(64), nullable=False),
    sa.Column("ours", Json),  # three values in the vendor's form
    sa.Column("shadow", Json),
    sa.Column("theirs", Json),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("mend", sa.String(16), nullable=False),  # how, blank: not from here
    sa.Column("is_fault", sa.Boolean, nullable=False),
    sa.Column("place", sa.String(64), nullable=False),  # where it is put right: "letter 12", "hold 7"
    _moment("found_at"),
    sa.Column("mended_by", sa.String(128), nullable=False, server_default=sa.text("''")),
    _moment("mended_at", nullable=True),  # when its mending was handed in
)
sa.Index(
    "ix_differences_run",
    *(differences.c[_name] for _name in ("space", "run", "id", "kind", "object", "field")),
)
sa.Index("ix_differences_entity_id", differences.c.entity_id)

mends = sa.Table(  # differences that somebody wants mended, a chunk at a time
    "mends",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("run", sa.BigInteger, nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("asked", Json, nullable=False),  # the filter
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("at_most", sa.BigInteger, nullable=False),  # the brake
    sa.Column("upto", sa.BigInteger, nullable=False),  # the newest difference when it was asked for
    sa.Column("after", sa.BigInteger, nullable=False),  # the last one handed in
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("handed_in", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    _moment("asked_at"),
    _moment("moved_at"),
    sa.CheckConstraint("state IN ('running', 'done')", name="state"),
)
sa.Index(
    "uq_mends_running",
    mends.c.space,
    mends.c.run,
    mends.c.asked,
    unique=True,
    sqlite_where=sa.text("state = 'running'"),
    postgresql_where=sa.text("state = 'running'"),
)

budgets = sa.Table(  # the day of each connection's API calls
    "budgets",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("calls", Json, nullable=False),  # ours: quarter hours since 1970 -> calls
    sa.Column("told", Json),  # what the vendor last said: {"at", "used", "most", "ours"}
    sa.Column("zone", sa.String(64), nullable=False),  # of the account; blank: not known
    _moment("updated_at"),
)

call_levels = sa.Table(  # what of each connection's limits may be called now, where processes share it
    "call_levels",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("burst", sa.Float, nullable=False),  # calls in the bucket of each limit
    sa.Column("search", sa.Float, nullable=False),
    sa.Column("pace", sa.Float, nullable=False),
    sa.Column("at", sa.Float, nullable=False),  # when they were so many: seconds since 1970, by the database
    sa.Column("paused_until", sa.Float, nullable=False),  # the server wants no call before
    sa.Column("search_paused_until", sa.Float, nullable=False),
)

processes = sa.Table(  # who is at work on a space, said by each of them every few seconds
    "processes",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),  # host:pid:random
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("works", Json, nullable=False),  # what it does: ["receive", "decide", "deliver", …]
    _moment("began_at"),
    _moment("beat_at"),
    sa.Column("facts", Json, nullable=False),  # what only it knows, for status, pages and alarms
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),  # "decider:main"
    sa.Column("epoch", sa.BigInteger, nullable=False),  # the fence: only the newest epoch may save
    sa.Column("holder", sa.String(128), nullable=False),
    _moment("until"),
    sa.Column("seq", sa.BigInteger, nullable=False),  # last decided_seq
    _moment("stamped_at"),  # last decided_at
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    _moment("at"),
    sa.Column("actor", sa.String(128), nullable=False),  # "decider", "deliverer", a person
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40)),
    sa.Column("event", RowId),
    sa.Column("commitment", sa.String(64), nullable=False),  # HMAC of the details under the person's key
)
sa.Index("ix_audit_lead_id", audit.c.lead_id)
sa.Index("ix_audit_event", audit.c.event)

audit_details = sa.Table(  # apart, so that erasure removes them and the audit rows stay whole
    "audit_details",
    metadata,
    sa.Column("audit_id", RowId, primary_key=True, autoincrement=False),
    sa.Column("details", Json, nullable=False),
)

person_keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("lead_id", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
)

alerts = sa.Table(  # alarms that stand, and when people were told
    "alerts",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(128), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    _moment("since"),
    _moment("told_at", nullable=True),
)

users = sa.Table(  # who may sign in to the pages
    "users",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("password", sa.String(200), nullable=False),  # scrypt, as werkzeug writes it
    _moment("created_at"),
    _moment("changed_at"),
)

sessions = sa.Table(  # who is signed in; a browser holds the token, the table its hash
    "sessions",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(64), nullable=False),
    _moment("created_at"),
    _moment("seen_at"),
)
sa.Index("ix_sessions_user", sessions.c.user)

api_tokens = sa.Table(  # who may read by program
    "api_tokens",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False),
    _moment("created_at"),
    sa.UniqueConstraint("hash"),
)
