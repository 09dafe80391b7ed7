"""Connected accounts, and what may be called of each."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, metadata, moment

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
    moment("created_at"),
    moment("updated_at"),
    sa.Column("reconnect", sa.Text),  # why it is to be connected anew; NULL: it need not be
    sa.CheckConstraint("mode IN ('observe', 'write')", name="mode"),
)

schema_looks = sa.Table(  # what the last look at an account's fields found that does not fit the map
    "schema_looks",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    moment("at"),
    sa.Column("mark", sa.String(64), nullable=False),  # a hash of map and address
    sa.Column("objects", Json, nullable=False),  # object -> {"modified", "findings": [[fact, remedy]]}
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
    moment("expires_at"),
)

budgets = sa.Table(  # the day of each connection's API calls
    "budgets",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("calls", Json, nullable=False),  # ours: quarter hours since 1970 -> calls
    sa.Column("told", Json),  # what the vendor last said: {"at", "used", "most", "ours"}
    sa.Column("zone", sa.String(64), nullable=False),  # of the account; blank: not known
    moment("updated_at"),
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
