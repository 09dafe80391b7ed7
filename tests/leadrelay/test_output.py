"""What commands print is what they were told: no sign in a text stands for another."""

from __future__ import annotations

from leadrelay.cli.common import console, errors, table

PLACE = "crm/salesforce.yaml:100:7"  # :100: is the name of a picture


def test_a_place_on_line_100_is_printed_as_it_is(capsys):
    table("Fields", ["where"], [[PLACE]])
    console.print(PLACE)
    errors.print(PLACE)
    said = capsys.readouterr()
    assert (said.out.count(PLACE), said.err.count(PLACE)) == (2, 1)
