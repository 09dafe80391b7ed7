"""JSON that is packed: the same comes back, of the old form too, and it takes less."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from sync import migrate
from sync.database import open_store
from sync.tables import audit_details

LONG = {"reasons": [{"text": f"+{n} Größe fits 😀", "at": "scoring.yaml:40:5"} for n in range(50)]}


@pytest.mark.parametrize("details", [{}, {"text": "short"}, LONG, {"odd": 2**64, "half": "\ud83d" * 600}])
def test_what_was_packed_comes_back(store, details):
    store.write(lambda c: c.execute(sa.insert(audit_details).values(audit_id=1, details=details)))
    with store.snapshot() as snapshot:
        assert snapshot.execute(sa.select(audit_details.c.details)).scalar_one() == details


def test_what_an_earlier_version_wrote_is_read(store):
    text = sa.text("INSERT INTO audit_details (audit_id, details) VALUES (1, :text)")
    store.write(lambda c: c.execute(text, {"text": '{"kind":"intake"}'}))
    with store.snapshot() as snapshot:
        assert snapshot.execute(sa.select(audit_details.c.details)).scalar_one() == {"kind": "intake"}


def test_a_long_text_takes_less_than_half_in_a_file(tmp_path):
    migrate.upgrade(url := f"sqlite:///{tmp_path}/store.db")
    store = open_store(url)
    store.write(lambda c: c.execute(sa.insert(audit_details).values(audit_id=1, details=LONG)))
    with store.snapshot() as snapshot:
        size = snapshot.execute(sa.text("SELECT length(details) FROM audit_details")).scalar_one()
    store.close()
    assert size < len(str(LONG)) / 2
