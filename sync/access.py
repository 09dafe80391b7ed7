"""Who may look: the people who sign in to the pages, their sessions, and the tokens of programs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import LeadRelayError
from model.times import to_text
from sync import audit as trail
from sync.audit import Entry
from sync.tables import api_tokens, audit, audit_details, sessions, users

IDLE = timedelta(hours=1)  # without a request by a person's hand
LONGEST = timedelta(hours=12)  # from signing in, whatever is done
TOUCH_EVERY = timedelta(minutes=1)  # a write a minute for someone at work, not one a request
VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
ROLES = {
    VIEWER: "looks, and changes nothing",
    OPERATOR: "looks and acts",
    ADMIN: "looks, acts, and may lift the mask of personal data, with a reason",
}
"""Role of a person -> what it may do on the pages; what is masked is masked before all of them."""
PLAIN, MASKED = "plain", "masked"
SIGHTS = (MASKED, PLAIN)  # of a program's token

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


def hashed(token: str) -> str:
    """Return what the store keeps of a random token: nobody can read the token back from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_name(name: str) -> str:
    """Return a name that can be used, or raise ``LeadRelayError``."""
    if not NAME.fullmatch(name):
        raise LeadRelayError(
            f"{name!r} cannot be a name: up to 64 letters, digits and . _ @ + -, a letter or digit first."
        )
    return name


def add_user(connection: Connection, name: str, password: str, role: str, now: datetime) -> None:
    """Let a person sign in; ``password`` is already hashed. Raises ``LeadRelayError`` for a known name."""
    check_role(role)
    if _has(connection, users, check_name(name)):
        raise LeadRelayError(
            f"{name} is a user already; `leadrelay user password {name}` sets a new password."
        )
    row = {"name": name, "password": password, "role": role, "created_at": now, "changed_at": now}
    connection.execute(sa.insert(users).values(row))


def check_role(role: str) -> str:
    """Return a role that there is, or raise ``LeadRelayError``."""
    if role not in ROLES:
        raise LeadRelayError(f"There is no role {role}. There are {', '.join(ROLES)}.")
    return role


def set_role(connection: Connection, name: str, role: str, now: datetime) -> None:
    """Say what a person may do, from their next request on."""
    check_role(role)
    statement = sa.update(users).where(users.c.name == name).values(role=role, changed_at=now)
    if not connection.execute(statement).rowcount:
        raise LeadRelayError(f"There is no user {name}.")


def set_password(connection: Connection, name: str, password: str, now: datetime) -> None:
    """Replace a password by its new hash and end every session of that person."""
    statement = sa.update(users).where(users.c.name == name).values(password=password, changed_at=now)
    if not connection.execute(statement).rowcount:
        raise LeadRelayError(f"There is no user {name}.")
    _end_all(connection, name)


def remove_user(connection: Connection, name: str, _now: datetime) -> None:
    """Take a person's way in, and every session, away."""
    if not connection.execute(sa.delete(users).where(users.c.name == name)).rowcount:
        raise LeadRelayError(f"There is no user {name}.")
    _end_all(connection, name)


def _end_all(connection: Connection, name: str) -> None:
    connection.execute(sa.delete(sessions).where(sessions.c.user == name))


def user_names(snapshot: Connection) -> list[str]:
    """Return who may sign in."""
    return list(snapshot.execute(sa.select(users.c.name).order_by(users.c.name)).scalars())


def roles(snapshot: Connection) -> dict[str, str]:
    """Return who may sign in, and in which role."""
    rows = snapshot.execute(sa.select(users.c.name, users.c.role).order_by(users.c.name))
    return {row.name: row.role for row in rows}


def password_of(snapshot: Connection, name: str) -> str | None:
    """Return the hash of a person's password; ``None`` for nobody's name."""
    found: str | None = snapshot.execute(
        sa.select(users.c.password).where(users.c.name == name)
    ).scalar_one_or_none()
    return found


def begin_session(connection: Connection, name: str, token: str, now: datetime) -> None:
    """Remember that a person signed in, and forget sessions that have run out."""
    run_out = sa.or_(sessions.c.seen_at < now - IDLE, sessions.c.created_at < now - LONGEST)
    connection.execute(sa.delete(sessions).where(run_out))
    row = {"hash": hashed(token), "user": name, "created_at": now, "seen_at": now}
    connection.execute(sa.insert(sessions).values(row))


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has not run out."""

    user: str
    seen_at: datetime
    role: str


def session(snapshot: Connection, token: str, now: datetime) -> Session | None:
    """Return whose session this token is; ``None`` once it was idle or open for too long."""
    c = sessions.c
    row = snapshot.execute(
        sa.select(c.user, c.seen_at, users.c.role)
        .join(users, users.c.name == c.user)
        .where(c.hash == hashed(token), c.seen_at >= now - IDLE, c.created_at >= now - LONGEST)
    ).first()
    return Session(row.user, row.seen_at, row.role) if row else None


def touch_session(connection: Connection, token: str, now: datetime) -> None:
    """Remember that a person is still there."""
    connection.execute(sa.update(sessions).where(sessions.c.hash == hashed(token)).values(seen_at=now))


def end_session(connection: Connection, token: str) -> None:
    """Forget a session: its token opens nothing any more."""
    connection.execute(sa.delete(sessions).where(sessions.c.hash == hashed(token)))


def add_token(connection: Connection, name: str, token_hash: str, sight: str, now: datetime) -> None:
    """Let a program read; only the hash of its token is kept. ``sight``: of personal data."""
    if sight not in SIGHTS:
        raise LeadRelayError(f"A token sees personal data {' or '.join(SIGHTS)}, not {sight}.")
    if _has(connection, api_tokens, check_name(name)):
        raise LeadRelayError(f"There is a token {name} already; `leadrelay token remove {name}` ends it.")
    row = {"name": name, "hash": token_hash, "sight": sight, "created_at": now}
    connection.execute(sa.insert(api_tokens).values(row))


def remove_token(connection: Connection, name: str, _now: datetime) -> None:
    """End a program's token."""
    if not connection.execute(sa.delete(api_tokens).where(api_tokens.c.name == name)).rowcount:
        raise LeadRelayError(f"There is no token {name}.")


def sights(snapshot: Connection) -> dict[str, str]:
    """Return which programs may read, and how they see personal data."""
    rows = snapshot.execute(sa.select(api_tokens.c.name, api_tokens.c.sight).order_by(api_tokens.c.name))
    return {row.name: row.sight for row in rows}


@dataclass(frozen=True, slots=True)
class Reader:
    """A program with a token that is known."""

    name: str
    sight: str  # "masked" or "plain"


def reader(snapshot: Connection, token: str) -> Reader | None:
    """Return whose token this is."""
    c = api_tokens.c
    row = snapshot.execute(sa.select(c.name, c.sight).where(c.hash == hashed(token))).first()
    return Reader(row.name, row.sight) if row else None


def _has(connection: Connection, table: sa.Table, name: str) -> bool:
    return connection.execute(sa.select(table.c.name).where(table.c.name == name)).first() is not None


ACTS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "add_user": (add_user, ("name", "password", "role")),
    "set_role": (set_role, ("name", "role")),
    "set_password": (set_password, ("name", "password")),
    "remove_user": (remove_user, ("name",)),
    "add_token": (add_token, ("name", "token_hash", "sight")),
    "remove_token": (remove_token, ("name",)),
}
"""What commands may have done, here or by the running daemon: name -> function and its arguments."""


ACTION = "access"  # of the audit's lines
SECRET = ("password", "token_hash")  # is on no line


def act(
    connection: Connection, name: str, given: Mapping[str, str], now: datetime, space: str = "main"
) -> None:
    """Do one of ``ACTS`` and put it on record, with who did it (``by``).

    Raises ``LeadRelayError`` with a sentence, ``KeyError`` for what is none.
    """
    function, names = ACTS[name]
    given = {"role": OPERATOR, "sight": MASKED, "by": "", **given}
    function(connection, *(given[one] for one in names), now)
    told = {one: given[one] for one in names if one not in SECRET}
    trail.record(connection, space, [Entry(now, given["by"][:128], ACTION, {"act": name, **told})])


@dataclass(frozen=True, slots=True)
class Changed:
    """One line of the record of who may look."""

    at: datetime
    by: str
    act: str  # one of ``ACTS``; blank once retention has removed what was done
    told: Mapping[str, str]  # "name", and "role" or "sight"

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        return {"at": to_text(self.at), "by": self.by, "act": self.act, **self.told}


def history(snapshot: Connection, space: str, limit: int = 200) -> list[Changed]:
    """Return what was changed in who may look, the newest first. It reads the whole audit."""
    rows = snapshot.execute(
        sa.select(audit.c.at, audit.c.actor, audit_details.c.details)
        .join_from(audit, audit_details, audit_details.c.audit_id == audit.c.id, isouter=True)
        .where(audit.c.space == space, audit.c.action == ACTION)
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    found = []
    for row in rows:
        details = dict(row.details or {})
        found.append(Changed(row.at, row.actor, details.pop("act", ""), details))
    return found


SHORTEST, LONGEST_PASSWORD = 12, 256


def weakness(password: str) -> str | None:
    """Say why a password cannot be taken, if it cannot: length is what counts."""
    if not SHORTEST <= len(password) <= LONGEST_PASSWORD:
        return f"A password has {SHORTEST} to {LONGEST_PASSWORD} characters."
    return None
