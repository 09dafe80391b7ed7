"""The tables, as the newest migration leaves them: a file for each topic.

columns.py      the types of columns, and short forms of declaring
events.py       what comes in: the inbox, what tells a body seen before, each source's day
people.py       leads, by what they are recognised, and the companies they belong to
sales.py        deals, who takes part in them, and what became of them
records.py      which record of a CRM is which lead, account or deal
ledgers.py      what happened to each lead: ledgers that rows are added to, and what the CRMs tell of them
team.py         who owns leads, and whose turn is next
asking.py       what providers are asked, what they said of late, what was spent on them
timers.py       when a lead is looked at again
questions.py    what a person is asked or may decide about: reviews, holds, proposals, deletions
outbox.py       what is to be written, told or read in other systems
playbooks.py    which playbook was in force when, and what its files said
orders.py       what somebody asked for and a job carries out, step by step: replays, go-lives
copies.py       what the CRMs were last seen to hold, and how far each walk has come
comparisons.py  runs that compare both sides, what they found, and its mending
vendors.py      connected accounts, and what may be called of each
workers.py      who is at work, under which lease, and what stands in alarm
trail.py        what was done to whom, kept so that details can be erased
alike.py        who may be one person, and what people said of it
access.py       who may look
"""

from sync.tables.access import api_tokens, sessions, users
from sync.tables.alike import match_keys, match_pairs, match_walks
from sync.tables.asking import answers, asks, spending
from sync.tables.columns import (
    Encoded,
    Json,
    Moment,
    Packed,
    RowId,
    Unpacked,
    from_json,
    metadata,
    searchable,
    to_json,
)
from sync.tables.comparisons import differences, mends, reconciles
from sync.tables.copies import cursors, mirror, mirror_keys
from sync.tables.events import body_hashes, inbox_events, source_days
from sync.tables.ledgers import (
    GIVEN_BACK,
    GIVEN_BY_RULES,
    activities,
    assignments,
    conflicts,
    consents,
    engagements,
    scores,
    stage_history,
    touches,
)
from sync.tables.orders import releases, replays
from sync.tables.outbox import BLOCKED, outbox_changes, outbox_effects, outbox_fetches
from sync.tables.people import accounts, forgotten, identities, leads, merged_leads
from sync.tables.playbooks import playbook_files, playbook_versions
from sync.tables.questions import deletions, holds, proposals, reviews
from sync.tables.records import account_links, deal_links, links
from sync.tables.sales import deal_outcomes, deal_parties, deals
from sync.tables.team import rosters, seats, teammates
from sync.tables.timers import timers
from sync.tables.trail import audit, audit_details, person_keys
from sync.tables.vendors import budgets, call_levels, connections, oauth_states, schema_looks
from sync.tables.workers import alerts, leases, processes

__all__ = [
    "BLOCKED",
    "GIVEN_BACK",
    "GIVEN_BY_RULES",
    "Encoded",
    "Json",
    "Moment",
    "Packed",
    "RowId",
    "Unpacked",
    "account_links",
    "accounts",
    "activities",
    "alerts",
    "answers",
    "api_tokens",
    "asks",
    "assignments",
    "audit",
    "audit_details",
    "body_hashes",
    "budgets",
    "call_levels",
    "conflicts",
    "connections",
    "consents",
    "cursors",
    "deal_links",
    "deal_outcomes",
    "deal_parties",
    "deals",
    "deletions",
    "differences",
    "engagements",
    "forgotten",
    "from_json",
    "holds",
    "identities",
    "inbox_events",
    "leads",
    "leases",
    "links",
    "match_keys",
    "match_pairs",
    "match_walks",
    "mends",
    "merged_leads",
    "metadata",
    "mirror",
    "mirror_keys",
    "oauth_states",
    "outbox_changes",
    "outbox_effects",
    "outbox_fetches",
    "person_keys",
    "playbook_files",
    "playbook_versions",
    "processes",
    "proposals",
    "reconciles",
    "releases",
    "replays",
    "reviews",
    "rosters",
    "schema_looks",
    "scores",
    "searchable",
    "seats",
    "sessions",
    "source_days",
    "spending",
    "stage_history",
    "teammates",
    "timers",
    "to_json",
    "touches",
    "users",
]
