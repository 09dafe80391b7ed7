"""The columns hold what the playbook may say."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from mappings.schema import LONGEST_NAME
from sync import tables

NAMES = {"source", "connection", "object", "unit", "stage", "previous", "pool", "record_connection"}


@pytest.mark.parametrize(
    "column",
    [
        column
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if column.name in NAMES or column is tables.activities.c.kind
    ],
    ids=str,
)
def test_a_column_holds_the_longest_name_of_a_playbook(column):
    if isinstance(column.type, sa.String):
        assert column.type.length >= LONGEST_NAME
