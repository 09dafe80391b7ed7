"""What holds of every merge, whatever the values, clocks and rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from model.change import Record
from model.dispute import CALM
from model.event import RecordRef
from model.lead import OPT_OUT, RULE, Lead, Link, Provenance
from sync.deciding.uniting import put_in
from sync.merging.merge import Merged, merge
from tests.builders import NOON, at, mapped
from tests.sync.house import HUBSPOT, SALESFORCE
from tests.sync.test_merge import KNOWN
from tests.sync.test_merge_rules import PLAYBOOK, crm_with

AUTHORITIES = ("crm", "leadrelay", "newest", "crm_unless_blank", "max", "min", "union", "hold")
STAGES = ("suspect", "prospect", "mql", "customer", "nurture", "disqualified")
NUMBERS = st.sampled_from([None, 1, 2, 3])
WORDS = st.sampled_from([None, "a", "b", "a;c", "b ;a"])
MOMENTS = st.integers(-3, 3).map(at)
ORIGINS = st.sampled_from(["website", RULE, SALESFORCE, HUBSPOT])


@st.composite
def situations(draw: st.DrawFn) -> tuple[Lead, Record, Any]:
    """Draw a rule for each kind of field, and three values of each."""
    authority, histories = draw(st.sampled_from(AUTHORITIES)), draw(st.booleans())
    values = WORDS if authority == "union" else NUMBERS
    kind = "text" if authority == "union" else "number"
    given = {
        "allow_clear": draw(st.booleans()),
        "read_only": authority in ("crm", "newest") and draw(st.booleans()),
    }
    crm = crm_with(
        mapped("employees", "size", authority, kind=kind, **given),
        mapped("stage", "stage", "leadrelay", kind="stage"),
        mapped(OPT_OUT, "optout", "crm", kind="bool"),
    )
    stages = st.sampled_from((None, *STAGES))
    drawn = {name: draw(values) for name in ("base", "theirs", "ours")}
    lead = Lead("L1", fields={OPT_OUT: draw(st.sampled_from([None, False, True]))})
    lead.fields["employees"], lead.fields["stage"] = drawn["ours"], draw(stages)
    for name in ("employees", "stage"):
        if draw(st.booleans()):
            lead.provenance[name] = Provenance(draw(ORIGINS), draw(MOMENTS), 1)
    lead.links[SALESFORCE] = Link(SALESFORCE, "Lead", "9", {}, {})
    if draw(st.booleans()):
        shadow = {"size": drawn["base"], "stage": draw(stages), "optout": draw(st.booleans())}
        lead.links[HUBSPOT] = Link(HUBSPOT, "contacts", "7", shadow, {}, read_at=NOON)
    fields = {
        "size": drawn["theirs"],
        "stage": draw(stages),
        "optout": draw(st.sampled_from([None, False, True])),
    }
    moments = {"size": draw(MOMENTS)} if draw(st.booleans()) else {}
    record = Record(RecordRef(HUBSPOT, "contacts", "7"), fields, draw(MOMENTS), changed_at=moments)
    return lead, record, (crm, histories)


def run(lead: Lead, record: Record, how: Any) -> Merged:
    crm, histories = how
    playbook = replace(PLAYBOOK, crms={**PLAYBOOK.crms, HUBSPOT: crm})
    return merge(lead, record, crm, playbook, KNOWN, now=at(9), sent={}, histories=histories)


def after(lead: Lead, result: Merged) -> Lead:
    """Return the lead as it is once the merge is taken in."""
    taken = replace_fields(lead)
    put_in(taken, result, Provenance(HUBSPOT, at(9), 2))
    taken.links[HUBSPOT] = result.link
    return taken


def replace_fields(lead: Lead) -> Lead:
    copied = Lead(lead.id, fields=dict(lead.fields), provenance=dict(lead.provenance))
    copied.links = dict(lead.links)
    return copied


def same(a: Any, b: Any) -> bool:
    """Compare two values of ``employees``, several or one."""
    return {part.strip() for part in str(a or "").split(";")} == {
        part.strip() for part in str(b or "").split(";")
    }


EVERY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@EVERY
@given(situations())
def test_merging_twice_changes_nothing(situation):
    lead, record, how = situation
    result = run(lead, record, how)
    assume(not result.undecided)
    once = after(lead, result)
    again = run(once, record, how)
    assert again.fields == {}
    assert list(again.holds) == []
    assert again.link == once.links[HUBSPOT]


@EVERY
@given(situations())
def test_every_value_that_lost_is_kept_or_waits_for_a_person(situation):
    lead, record, how = situation
    result = run(lead, record, how)
    assume(not result.undecided)
    link = lead.links.get(HUBSPOT)
    base = link.shadow["size"] if link else None
    winner = after(lead, result).fields.get("employees")
    kept = [one.lost for one in result.conflicts if one.field == "employees"]
    if result.link.disputes.get("size", CALM).held is not None:
        return
    [rule] = [one for one in how[0].objects["contacts"].fields if one.remote == "size"]
    for value in (lead.fields["employees"], record.fields["size"]):
        if value is None or same(value, base) or same(value, winner) or rule.authority == "union":
            continue
        assert any(same(value, one) for one in kept)


@EVERY
@given(situations())
def test_a_blank_never_wins_unless_the_field_may_be_cleared(situation):
    lead, record, how = situation
    [rule] = [one for one in how[0].objects["contacts"].fields if one.remote == "size"]
    taken = after(lead, run(lead, record, how))
    if lead.fields["employees"] is not None and not rule.allow_clear:
        assert taken.fields.get("employees") is not None
    if lead.fields["stage"] is not None:
        assert taken.fields.get("stage") is not None


@EVERY
@given(situations())
def test_an_opt_out_never_goes_back(situation):
    lead, record, how = situation
    taken = after(lead, run(lead, record, how))
    said = lead.fields[OPT_OUT] is True or record.fields["optout"] is True
    assert (taken.fields.get(OPT_OUT) is True) is said


@EVERY
@given(situations())
def test_where_one_side_alone_has_moved_that_side_stands(situation):
    lead, record, how = situation
    [rule] = [one for one in how[0].objects["contacts"].fields if one.remote == "size"]
    assume(HUBSPOT in lead.links and rule.authority not in ("leadrelay", "crm_unless_blank"))
    base, ours, theirs = lead.links[HUBSPOT].shadow["size"], lead.fields["employees"], record.fields["size"]
    assume(ours is not None and theirs is not None)
    result = run(lead, record, how)
    winner = after(lead, result).fields["employees"]
    assert not result.undecided or not (same(base, ours) or same(base, theirs))
    if same(base, ours):
        assert same(winner, theirs)
    elif same(base, theirs):
        assert same(winner, ours)
