"""Conditions: is the record there, on a row's connection, that the row waits for?"""

from __future__ import annotations

import sqlalchemy as sa

from sync.outbox.rows import ROWS
from sync.tables import account_links, deal_links, leads, links, outbox_changes

HAS_PERSON = (
    sa.exists()
    .where(links.c.lead_id == ROWS.entity_id, links.c.connection == ROWS.connection)
    .correlate(outbox_changes)
)
# Compared by =, not IN: for that SQLite would go through all rows of the connection, for each row.
ITS_ACCOUNT = sa.select(leads.c.account_id).where(leads.c.id == ROWS.entity_id).correlate(outbox_changes)
HAS_COMPANY = (
    sa.exists()
    .where(
        account_links.c.account_id == ITS_ACCOUNT.scalar_subquery(),
        account_links.c.connection == ROWS.connection,
    )
    .correlate(outbox_changes)
)
HAS_DEAL = (
    sa.exists()
    .where(deal_links.c.deal_id == ROWS.entity_id, deal_links.c.connection == ROWS.connection)
    .correlate(outbox_changes)
)


def is_met(need: str) -> sa.ColumnElement[bool]:
    """Build the condition that a row does not need a connection's link, or that there is one."""
    linked = sa.exists().where(links.c.lead_id == outbox_changes.c.entity_id, links.c.connection == need)
    return sa.or_(sa.not_(_names(need)), linked)


def _names(need: str) -> sa.ColumnElement[bool]:
    return sa.cast(outbox_changes.c.needs, sa.Text).contains(f'"{need}"', autoescape=True)
