"""privacy.yaml: what is wrong is told with its place; the classes that fields have."""

from __future__ import annotations

import pytest

from mappings.compile import check, load
from tests.mappings.folders import playbook_folder

RULES = """\
regions:
  EU: [DE, AT]
rules:
  - {regions: [EU], channels: [messages, pages], show: {email: partly, free_text: hidden}}
  - {channels: exports, show: {name: hidden}}
fields:
  company: name
  city: none
"""
OWN = "fields:\n  vat: {personal: identifier}\n  wants_call: {type: boolean}\n"
CONSENT = """\
purposes: {call: {title: Calls, texts: [{version: a, text: You may call.}]}}
regions: {DACH: [DE]}
"""
CLASSES = "email, phone, name, address, free_text, ip, identifier, web"


def folder_of(folder, *edits, own=OWN, consent=""):
    text = RULES
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return playbook_folder(folder, files={"privacy.yaml": text, "fields.yaml": own, "consent.yaml": consent})


def test_without_the_file_there_is_no_rule_and_fields_need_no_class(tmp_path):
    own = {"fields.yaml": "fields: {vat: {type: text}}\n"}
    assert load(playbook_folder(tmp_path, files=own)).privacy.rules == ()


def test_rules_and_classes_are_those_that_are_written(tmp_path):
    found = load(folder_of(tmp_path, ("[EU]", "[EU, DACH]"), consent=CONSENT)).privacy
    assert [(one.regions, one.channels, one.show) for one in found.rules] == [
        (("EU", "DACH"), ("messages", "pages"), {"email": "partly", "free_text": "hidden"}),
        ((), ("exports",), {"name": "hidden"}),
    ]
    assert found.regions == {"DACH": {"DE"}, "EU": {"DE", "AT"}}
    assert (found.classes["company"], found.classes["vat"], found.classes["email"]) == (
        "name", "identifier", "email",
    )  # fmt: skip
    assert "city" not in found.classes


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("regions: [EU]", "regions: [EUR]", ['4:16: there is no region "EUR"', '    Did you mean "EU"?']),
        ("[messages, pages]", "[logs]",
         ['4:32: "logs" is not possible here', "    Known: messages, pages, exports."]),
        ("email: partly", "email: some",
         ['4:64: "some" is not possible here', "    Known: plain, partly, hidden."]),
        ("email: partly", "mail: partly", ['4:57: "mail" is not possible here', '    Did you mean "email"?']),
        ("show: {name: hidden}", "show: {}", ["5:31: at least one entry is expected here, not nothing"]),
        ("company: name", "compny: name",
         ['7:3: there is no lead field "compny"', '    Did you mean "company"?']),
        ("company: name", "company: nme", ['7:12: "nme" is not possible here', '    Did you mean "name"?']),
        ("company: name", "opted_out: name",
         ['7:3: "opted_out" has no class of its own', "    Take it out."]),
        ("company: name", "vat: name",
         ['7:3: "vat" is a field of your own', "    Write it in fields.yaml: vat: {personal: name}."]),
        ("[DE, AT]", "[DE, UK]", ['2:12: "UK" is no country code', "    Write GB."]),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_what_to_write(tmp_path, old, new, lines):
    told = "\n".join(map(str, check(folder_of(tmp_path, (old, new))))).splitlines()
    assert told[0].startswith(f"privacy.yaml:{lines[0]}")
    assert told[1:2] == lines[1:] or len(lines) == 1, told


def test_a_region_of_consent_yaml_is_not_written_twice(tmp_path):
    [found] = check(folder_of(tmp_path, ("EU: [DE, AT]", "EU: [DE]\n  DACH: [AT]"), consent=CONSENT))
    assert (str(found.at), found.message) == ("privacy.yaml:3:3", 'the region "DACH" is in consent.yaml, too')


def test_where_something_is_masked_each_field_of_ones_own_says_what_it_is(tmp_path):
    own = "fields:\n  vat: {personal: identifier}\n  notes: {}\n"
    [found] = check(folder_of(tmp_path, own=own))
    assert str(found.at) == "fields.yaml:3:3"
    assert found.message == 'with privacy.yaml "notes" must say whether it is personal'
    assert found.fix == f"Write personal: none, or its class: {CLASSES}."
