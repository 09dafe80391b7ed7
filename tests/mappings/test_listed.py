"""Conditions that name a value which no list of the field has."""

from __future__ import annotations

import pytest

from mappings.advising import advice_on
from mappings.compile import load
from tests.mappings.folders import playbook_folder

LINE = "      stage: {"
LISTED = "      branch: {field: industry, authority: crm, values: {Banking: BANK, Retail: SHOP}}\n" + LINE
FREE = "      trade: {field: industry, authority: crm}\n" + LINE
BIG = "{employees: {at_least: 50}}"
TABLE = "city: {from: city, values: {Bonn: Bonn, Koeln: Cologne}, else: Elsewhere}"


def advice(tmp_path, *edits) -> list[str]:
    return [str(one) for one in advice_on(load(playbook_folder(tmp_path, *edits)))]


@pytest.mark.parametrize(
    ("when", "near"),
    [
        ("{industry: [banking, Retial]}", "Retail"),
        ("{industry: {is_not: Retial}}", "Retail"),
        ("{not: {any: [{industry: Retial}]}}", "Retail"),
    ],
)
def test_a_value_that_no_list_of_a_crms_map_has_is_told_with_the_one_that_is_near(tmp_path, when, near):
    [told] = advice(tmp_path, ("crm/hubspot.yaml", LINE, LISTED), ("scoring.yaml", BIG, when))
    line = f'no list has "Retial" for "industry" (crm/hubspot.yaml:7)\n    Did you mean "{near}"?'
    assert told.startswith("scoring.yaml:8:")
    assert told.endswith(line)


def test_so_is_one_that_the_tables_of_all_sources_never_make(tmp_path):
    edits = [("sources/web.yaml", "city: [city, town]", TABLE)]
    assert advice(tmp_path / "a", *edits, ("scoring.yaml", BIG, "{city: [Cologne, elsewhere]}")) == []
    [told] = advice(tmp_path / "b", *edits, ("scoring.yaml", BIG, "{city: Koeln}"))
    assert 'no list has "Koeln" for "city" (sources/web.yaml:4)' in told


@pytest.mark.parametrize(
    "edits",
    [
        [("crm/hubspot.yaml", LINE, FREE), ("scoring.yaml", BIG, "{industry: Gambling}")],
        [("crm/hubspot.yaml", LINE, LISTED), ("scoring.yaml", BIG, "{industry: {contains: bank}}")],
        [("crm/hubspot.yaml", LINE, LISTED), ("scoring.yaml", BIG, "{company: Acme}")],
        [
            ("sources/web.yaml", "city: [city, town]", TABLE.replace(", else: Elsewhere", "")),
            ("scoring.yaml", BIG, "{city: Berlin}"),
        ],
    ],
)
def test_nothing_is_said_where_a_field_holds_whatever_comes(tmp_path, edits):
    assert advice(tmp_path, *edits) == []


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("{field: city, authority: crm, values: {Bonn: B, Koeln: K}}", True),
        ("{field: city, authority: crm, values: {Bonn: B, Koeln: K}, default: X}", False),
        ("{field: city, authority: crm, values: {Bonn: B, Cologne: K}}", False),
        ("{field: city, authority: crm, direction: from_crm, values: {Bonn: B}}", False),
        ("{field: city, authority: union, values: {Bonn: B}}", False),
        ("{field: city, authority: crm}", False),
    ],
)
def test_a_value_that_a_sources_list_makes_and_a_crms_map_has_no_word_for_is_told(tmp_path, line, is_told):
    table = TABLE.replace(", else: Elsewhere", ", else: blank")
    edits = [("sources/web.yaml", "city: [city, town]", table)]
    told = advice(tmp_path, *edits, ("crm/hubspot.yaml", LINE, f"      town: {line}\n{LINE}"))
    text = """\
crm/hubspot.yaml:7:7: town is not written where "city" is "Cologne" (sources/web.yaml:4)
    List "Cologne" under values, or write a default."""
    assert told == ([text] if is_told else [])


def test_of_a_text_that_is_converted_nothing_is_said(tmp_path):
    table = "country: {from: land, values: {Bund: Germany, Alpen: Austria}}"
    line = f"      land: {{field: country, authority: crm, values: {{DE: D, AT: A}}}}\n{LINE}"
    assert (
        advice(tmp_path, ("sources/web.yaml", "city: [city, town]", table), ("crm/hubspot.yaml", LINE, line))
        == []
    )
