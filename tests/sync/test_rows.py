"""What rows keep in fewer words than the objects have, and rows of older versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from model.lead import Provenance
from model.times import to_text
from sync.provenance import provenance_from, provenance_row
from sync.written import written_from, written_row
from tests.builders import NOON

FORM = Provenance("website", NOON, 7)


@pytest.mark.parametrize(
    ("written", "shadow"),
    [
        ({}, {}),
        ({"Title": "CTO"}, {"Title": "CTO"}),
        ({"Title": "CTO"}, {"Title": "CEO", "City": "Bern"}),
        ({"Title": "CTO", "City": None}, {}),
        ({"City": None}, {"City": ""}),
        ({"Seats": 1, "Open": True}, {"Seats": True, "Open": 1}),
        ({"Seats": 1}, {"Seats": 1.0}),
        ({"Colours": ["red", "blue"]}, {"Colours": ["blue", "red"]}),
    ],
)
def test_what_we_wrote_is_read_as_it_was_kept(written, shadow):
    kept = orjson.loads(orjson.dumps(written_row(written, shadow)))
    read = written_from(kept, shadow)
    assert (read, {name: type(value) for name, value in read.items()}) == (
        written,
        {name: type(value) for name, value in written.items()},
    )


def test_what_a_record_holds_of_ours_is_kept_once():
    record = {"Title": "CTO", "City": "Bern", "Country": "CH"}
    assert written_row({"Title": "CTO", "City": "Bern"}, record) == [{}, ["Country"]]


def test_rows_of_older_versions_are_read():
    assert written_from({"Title": "CTO"}, {"Title": "CEO"}) == {"Title": "CTO"}
    assert provenance_from({"title": ["website", to_text(NOON), 7]}) == {"title": FORM}


def test_where_fields_came_from_is_read_as_it_was_kept():
    later = replace(FORM, confirmed_at=NOON + timedelta(hours=1))
    provenance = {
        "title": FORM,
        "city": later,
        "email": replace(FORM),
        "phone": replace(FORM, by_people=True),
    }
    kept = orjson.loads(orjson.dumps(provenance_row(provenance)))
    assert [names for _, names in kept] == [["title", "email"], ["city"], ["phone"]]
    assert provenance_from(kept) == provenance
