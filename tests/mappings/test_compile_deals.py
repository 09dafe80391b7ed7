"""deals.yaml and the lines of deals: what is wrong with them is said with its place."""

from __future__ import annotations

import pytest

from mappings.compile import check, load
from tests.mappings.folders import playbook_folder

STAGES = "currency: EUR\nstages:\n  - {name: talking}\n  - {name: won, outcome: won, lead_stage: customer}\n"
CRM = """\
kind: hubspot
create: contacts
deal: deals
adopt_deals: known
objects:
  contacts:
    fields:
      email: {field: email, authority: crm}
  deals:
    id_field: leadrelay_id
    fields:
      dealname: {field: name, authority: newest}
      pipeline: {field: pipeline, authority: leadrelay, direction: to_crm, default: default}
      dealstage: {field: stage, authority: newest, values: {talking: qualifiedtobuy, won: closedwon}}
      amount: {field: amount, authority: newest}
      closedate: {field: close_date, authority: newest}
"""


def folder_with(path, crm=CRM, stages=STAGES):
    return playbook_folder(path, files={"crm/hubspot.yaml": crm, "deals.yaml": stages})


def test_stages_and_lines_are_compiled(tmp_path):
    playbook = load(folder_with(tmp_path, stages=STAGES + "time_zone: Europe/Berlin\n"))
    crm = playbook.crms["hubspot"]
    assert playbook.keeps_deals
    assert (crm.deal.object, crm.deal.id_field, crm.deal.currency, crm.adopts_deals) == (
        "deals",
        "leadrelay_id",
        "EUR",
        True,
    )
    kinds = {rule.field: (rule.kind, rule.zone, rule.along) for rule in crm.deal.fields}
    assert kinds["stage"] == ("deal_stage", "", "")
    assert kinds["amount"] == ("money", "", "")
    assert kinds["close_date"] == ("date", "Europe/Berlin", "")
    assert kinds["pipeline"] == ("text", "", "dealstage")
    assert playbook.deals.stages["won"].lead_stage == "customer"


def test_the_file_may_be_left_out(tmp_path):
    assert load(playbook_folder(tmp_path)).deals is None


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("deal: deals", "deal: tickets", "crm/hubspot.yaml:3:7: deals cannot be kept in tickets"),
        ("deal: deals\n", "", "crm/hubspot.yaml:8:3: deals holds deals, not people"),
        (
            "    id_field: leadrelay_id\n",
            "",
            "crm/hubspot.yaml:9:3: deals needs an id_field for leadrelay's own id",
        ),
        ("talking: qualifiedtobuy, ", "speaking: qualifiedtobuy, ", 'there is no stage of deals "speaking"'),
        (
            "won: closedwon",
            "won: qualifiedtobuy",
            '"qualifiedtobuy" cannot be both talking (open) and won (won)',
        ),
        (
            "field: amount, authority: newest",
            "field: amount, authority: newest, kind: date",
            'only "close_date" is of kind date',
        ),
        ("direction: to_crm, ", "", "the pipeline follows from the stage"),
        (
            "{field: name, authority: newest}",
            "{field: outcome, authority: newest}",
            "the outcome follows from the stage",
        ),
        (
            "field: stage, authority: newest",
            "field: stage, authority: leadrelay",
            "the people in the CRMs move deals on, not leadrelay",
        ),
        (
            "      closedate: {field: close_date",
            "      closedate: {field: closed",
            'there is no deal field "closed"',
        ),
        (
            "{field: email, authority: crm}",
            "{field: email, authority: crm, kind: money}",
            "only deals have fields of kind money",
        ),
    ],
)
def test_a_fault_of_a_map_is_said_with_its_place(tmp_path, old, new, line):
    assert old in CRM
    said = "\n".join(map(str, check(folder_with(tmp_path, CRM.replace(old, new)))))
    assert line in said


@pytest.mark.parametrize(
    ("stages", "line"),
    [
        (
            "currency: euro\nstages: [{name: a}]\n",
            "deals.yaml:1:11: a currency is three letters, such as EUR",
        ),
        ("currency: EUR\nstages: [{name: a}, {name: a}]\n", 'the stage "a" stands twice'),
        ("currency: EUR\nstages: [{name: talking}, {name: won, outcome: sold}]\n", "deals.yaml:2"),
        (STAGES + "time_zone: Mars/Base\n", 'there is no time zone "Mars/Base"'),
        (STAGES.replace("customer", "client"), 'there is no stage "client"'),
        ("", "deals need stages"),
    ],
)
def test_a_fault_of_the_stages_is_said_with_its_place(tmp_path, stages, line):
    assert line in "\n".join(map(str, check(folder_with(tmp_path, stages=stages))))
