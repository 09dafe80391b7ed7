"""The doctor on maps: each way in which a field may not fit what the playbook writes to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.inspection import Field, Fields
from leadrelay.doctor.fields import check_map
from leadrelay.doctor.findings import Area, Finding
from mappings.playbook import Condition, CrmField, CrmMap, Limits, NamedValue, ObjectMap
from model.decision import Place
from model.lead import LEAD_FIELDS

AT = Place("crm/x.yaml", 7, 5)
ID = Field("Our_Id__c", "text", "string", length=40, is_unique=True, is_key=True)
TEXT = Field("F", "text", "string")


def a_rule(field: str = "city", **more: object) -> CrmField:
    return CrmField(field=field, remote="F", authority="newest", place=AT, **more)  # type: ignore[arg-type]


SOME = Condition(lambda _: False, "nobody", AT)


def findings(
    *rules: CrmField,
    of: Fields | None,
    id_field: str = "",
    kind: str = "salesforce",
    stages: tuple[str, ...] = (),
) -> list[Finding]:
    mapped = ObjectMap("Lead", rules, AT, id_field=id_field)
    crm = CrmMap("crm", kind, "Lead", {"Lead": mapped}, Limits(), AT)
    return list(check_map(Area("crm"), crm, {"Lead": of}, LEAD_FIELDS, stages))


def fields(*some: Field, **more: bool) -> Fields:
    return Fields({one.name: one for one in some}, **more)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (a_rule(), TEXT),
        (a_rule(max_length=40), replace(TEXT, length=40)),
        (a_rule("score"), Field("F", "number", "double")),
        (a_rule("score"), TEXT),
        (a_rule("first_touch.at"), Field("F", "datetime", "datetime")),
        (a_rule("owner"), Field("F", "owner", "reference")),
        (a_rule("stage", kind="text"), replace(TEXT, length=20)),
        (a_rule("stage", values={"mql": "Open"}), Field("F", "choice", "picklist", options=("Open",))),
        (a_rule("consent_email"), Field("F", "bool", "boolean")),
        (a_rule("industry"), Field("F", "choice", "picklist", options=("Banking",))),
        (a_rule(), Field("F", "other", "address")),
    ],
)
def test_a_field_that_fits_is_no_finding(rule, field):
    [one] = findings(rule, of=fields(field))
    assert (one.level, one.fact) == ("ok", "Lead: all 1 mapped fields are there and fit")


@pytest.mark.parametrize(
    ("rule", "field", "level", "words"),
    [
        (a_rule(), replace(TEXT, can_update=False), "problem", "cannot be changed by this user"),
        (a_rule(), replace(TEXT, can_create=False), "problem", "cannot be set on a new record"),
        (a_rule("score"), Field("F", "bool", "boolean"), "problem",
         "of type boolean, and the map writes a number"),
        (a_rule("first_touch.at"), Field("F", "date", "date"), "warn", "the map writes a moment"),
        (a_rule("first_touch.at"), Field("F", "number", "double"), "problem", "the map writes a moment"),
        (a_rule(), Field("F", "number", "double"), "warn", "of type double, and the map writes a text"),
        (a_rule("owner"), Field("F", "choice", "picklist"), "problem", "the map writes an owner's id"),
        (
            a_rule("stage", values={"mql": "Open", "sql": "Won"}),
            Field("F", "choice", "picklist", options=("Open",), is_closed=True),
            "problem",
            "has no option 'Won'; such values are refused",
        ),
        (
            a_rule("stage", values={"mql": "Open"}),
            Field("F", "choice", "picklist", options=("New",)),
            "warn",
            "stand in no list",
        ),
        (
            a_rule("industry"),
            Field("F", "choice", "picklist", options=("Banking",), is_closed=True),
            "warn",
            "takes only its 1 options",
        ),
        (a_rule(max_length=255), replace(TEXT, length=80), "problem",
         "takes 80 characters, and the map sends up to 255"),
        (a_rule(), replace(TEXT, length=80), "warn", "the map cuts nothing"),
        (a_rule("stage", values={"mql": "Marketing"}), replace(TEXT, length=3), "problem", "`values` has 9"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_told_with_its_line(rule, field, level, words):
    [one] = findings(rule, of=fields(field))
    assert one.level == level
    assert words in one.fact
    assert one.fix.endswith("[crm/x.yaml:7:5]")


def test_fields_that_are_not_there_are_told_together():
    rules = [replace(a_rule(), remote=name) for name in ("A__c", "B__c")]
    [one] = findings(*rules, of=fields(TEXT))
    assert (one.level, one.fact) == ("problem", "Lead: not there, or hidden: A__c, B__c")
    assert "field-level security" in one.fix
    [one] = findings(*rules, of=fields(TEXT), kind="hubspot")
    assert "Settings, Properties" in one.fix


@pytest.mark.parametrize(
    ("mapped", "there", "offered"),
    [
        ("jobtitel", ("jobtitle", "title2"), " Did you mean jobtitle for jobtitel?"),
        ("Job_Title__c", ("JobTitle__c",), " Did you mean JobTitle__c for Job_Title__c?"),
        ("state", ("status",), ""),
    ],
)
def test_a_field_of_a_near_name_is_offered(mapped, there, offered):
    held = fields(*[replace(TEXT, name=name) for name in there])
    [one] = findings(replace(a_rule(), remote=mapped), of=held)
    assert one.fix.endswith(f"[crm/x.yaml:7:5].{offered}")


def test_a_field_that_another_line_has_is_not_offered():
    rules = [replace(a_rule(), remote=name) for name in ("jobtitle", "jobtitel")]
    [one] = findings(*rules, of=fields(replace(TEXT, name="jobtitle")))
    assert "Did you mean" not in one.fix


def test_an_option_of_a_near_name_is_offered():
    choice = Field("F", "choice", "picklist", options=("Closed Won", "Open"), is_closed=True)
    rule = a_rule("stage", kind="stage", values={"sql": "Closed - won", "mql": "Open"})
    [one] = findings(rule, of=fields(choice))
    assert "Did you mean 'Closed Won' for 'Closed - won'?" in one.fix


INDUSTRY = Field("F", "choice", "picklist", options=("BANKING", "MINING", "FISHING"), is_closed=True)


@pytest.mark.parametrize(
    ("more", "is_told"),
    [
        ({}, True),
        ({"read_only": True}, True),
        ({"write_only": True}, False),  # nobody reads what people choose
        ({"kind": "stage"}, False),  # an unlisted stage is left alone, and that is meant so
    ],
)
def test_what_people_may_choose_and_the_map_does_not_list_is_told(more, is_told):
    [one] = findings(a_rule("industry", values={"Bank": "BANKING"}, **more), of=fields(INDUSTRY))
    assert (one.level == "warn") == is_told
    assert ("has 'MINING', 'FISHING', which `values` does not list" in one.fact) == is_told


def test_an_object_that_is_not_there_or_may_not_be_written_is_told():
    [one] = findings(a_rule(), of=None)
    assert (one.level, "no such object" in one.fact) == ("problem", True)
    [one] = findings(a_rule(), of=fields(TEXT, can_create=False, can_update=False))
    assert (one.level, "may not create or edit" in one.fact) == ("problem", True)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (None, "is not there, or hidden"),
        (replace(ID, is_unique=False), "its values are not unique"),
        (replace(ID, is_key=False), "records cannot be looked up by it"),
        (replace(ID, length=18), "it takes 18 characters, and an id has 27"),
        (replace(ID, type="number", said="double"), "it is of type double"),
        (replace(ID, can_update=False), "this user may not set it"),
    ],
)
def test_the_field_of_our_id_must_find_a_record(field, words):
    own = CrmField("id", "Our_Id__c", "leadrelay", AT)
    [one] = findings(own, of=fields(*[field] if field else []), id_field="Our_Id__c")
    assert (one.level, words in one.fact) == ("problem", True)
    assert "External ID and Unique" in one.fix


@pytest.mark.parametrize(
    ("rules", "level", "words"),
    [
        ([], "problem", "the map does not set it"),
        ([a_rule("company")], "warn", "blank where the lead has none"),
        ([a_rule("company", default="[unknown]")], "ok", "fit"),
        ([a_rule("company", default="[unknown]", write_only=True, when=SOME)], "warn", "blank where"),
    ],
)
def test_what_a_new_record_needs_is_set_in_every_case(rules, level, words):
    [one] = findings(*rules, of=fields(replace(TEXT, is_required=True)))
    assert (one.level, words in one.fact) == (level, True)


@pytest.mark.parametrize(
    ("options", "is_closed", "values", "level"),
    [
        (("suspect", "mql", "customer"), True, {}, "ok"),
        (("suspect", "customer", "MQL"), True, {}, "problem"),
        (("suspect", "customer", "MQL"), False, {}, "warn"),
        (("Open",), True, {"mql": "Open"}, "ok"),  # what is not listed in values is not written
    ],
)
def test_stages_written_by_their_names_are_options_of_the_list(options, is_closed, values, level):
    field = Field("F", "choice", "picklist", options=options, is_closed=is_closed)
    rule = a_rule("stage", kind="text", values=values)
    [one] = findings(rule, of=fields(field), stages=("suspect", "mql", "customer"))
    assert one.level == level
    if level != "ok":
        assert "has no option 'mql'" in one.fact
        assert "Did you mean 'MQL' for 'mql'?" in one.fix


def test_a_value_that_a_condition_names_and_the_crms_list_has_not_is_a_warning():
    crm = CrmMap(
        "crm", "salesforce", "Lead", {"Lead": ObjectMap("Lead", (a_rule("industry"),), AT)}, Limits(), AT
    )
    held = {"Lead": fields(Field("F", "choice", "picklist", options=("Banking", "Retail"), is_closed=True))}
    at = Place("scoring.yaml", 8, 20)
    named = [NamedValue("industry", one, at) for one in ("banking", "Retial")] + [
        NamedValue("city", "Bonn", at)
    ]
    [found] = [
        one for one in check_map(Area("crm"), crm, held, LEAD_FIELDS, (), named) if "condition" in one.fact
    ]
    assert (found.level, found.fact) == ("warn", "Lead.F: has no option 'Retial', which a condition names")
    assert found.fix == (
        "Correct the condition, or add the option. Did you mean 'Retail'? [scoring.yaml:8:20]"
    )
