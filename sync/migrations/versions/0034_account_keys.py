"""By what an account is looked for where no domain names it: its name, the sounds of it, its phone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mappings.matcher.company import keys_of_account
from sync import tables

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

KEYS = {"name_key": 64, "name_sounds": 64, "phone_key": 16}
PART = 1_000


def upgrade() -> None:
    """Bring the store to this revision: the accounts that are there are found, too."""
    for name, length in KEYS.items():
        op.add_column("accounts", sa.Column(name, sa.String(length), nullable=True))
    _fill(op.get_bind())
    for name in KEYS:
        op.create_index(f"ix_accounts_{name}", "accounts", ["space", name])


def downgrade() -> None:
    """Go back to the revision before."""
    for name in KEYS:
        op.drop_index(f"ix_accounts_{name}", "accounts")
    with op.batch_alter_table("accounts") as batch:
        for name in KEYS:
            batch.drop_column(name)


def _fill(connection: sa.Connection) -> None:
    rows = sa.table(
        "accounts", sa.column("id", sa.String), sa.column("fields", tables.Json()),
        *(sa.column(name, sa.String) for name in KEYS),
    )  # fmt: skip
    after = ""
    asked = sa.select(rows.c.id, rows.c.fields).order_by(rows.c.id).limit(PART)
    while part := connection.execute(asked.where(rows.c.id > after)).all():
        after = part[-1].id
        found = [
            {"row": row.id, **dict.fromkeys(KEYS), **dict(keys_of_account(row.fields).each)} for row in part
        ]
        connection.execute(sa.update(rows).where(rows.c.id == sa.bindparam("row")), found)
