"""Each kind of thing that names a person, as it is shown where that person's data is masked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.playbook import MaskRule, Privacy
from mappings.playbook.privacy import CLASSES, USUAL
from model.account import Account
from model.cause import Cause
from model.decision import EntityKind
from sync.borderline import Card
from sync.deletions import HeldBack
from sync.holds import Hold, Lost
from sync.proposals import Proposal, Side
from sync.reconciling.kinds import Difference
from sync.replays.letters import Letter
from sync.replays.mending import Told
from sync.sight import Sight
from sync.unmasking import LASTS, Lifted
from tests.builders import NOON, a_crm, a_lead, a_playbook, mapped, place

SECRET = "zq7x"
LEAD, OTHER = "ld_1", "ld_2"
CRM = a_crm("hubspot", "contacts", mapped("phone", "tel"), mapped("title", "job"))
HOLD = Hold(
    1, "hubspot", "lead", LEAD, f"{SECRET}@a.example", "contacts", "phone", "tel", None, SECRET, SECRET,
    "why", "open", NOON, "", "", "", None,
)  # fmt: skip
PROPOSAL = Proposal(
    1, "merge", "hubspot", LEAD, SECRET, "contacts", "1", "contacts", "2", "why", "open", NOON, "", "", None
)
LETTER = Letter(
    "change", 1, "hubspot", "contacts", Cause("", "tel"), [f"no {SECRET}@a.example"], NOON, LEAD, "lead",
    sent={"tel": SECRET, "job": "CEO", "unheard_of": SECRET},
)  # fmt: skip
SAMPLE = {
    "lead": LEAD, "who": f"{SECRET}@a.example", "object": "contacts", "record": "1", "why": "", "error": None,
    "fields": [{"field": "tel", "ours": SECRET, "theirs": SECRET, "written": None, "why": "", "rule": ""}],
}  # fmt: skip
LOST = Lost(1, "hubspot", LEAD, SECRET, "phone", SECRET, SECRET, "", NOON)
SIDES = [Side("tel", SECRET, None), Side("job", "CEO", "")]
DIFFERENCE = Difference(
    "value", "contacts", "", EntityKind.LEAD, LEAD, "1", "phone", "tel", SECRET, None, SECRET
)
SHOWN = {
    "hold": (lambda sight: sight.hold(HOLD), "***"),
    "lost": (lambda sight: sight.lost(LOST), "***"),
    "proposal": (lambda sight: sight.proposal(PROPOSAL), "***"),
    "sides": (lambda sight: sight.sides(PROPOSAL, SIDES), "CEO"),
    "letter": (lambda sight: sight.told(Told(LETTER, "", f"{SECRET}@a.example")), "CEO"),
    "held": (lambda sight: sight.held(HeldBack("hubspot", 1, NOON, 1, [(LEAD, SECRET)])), "***"),
    "difference": (lambda sight: sight.difference(DIFFERENCE), "***"),
    "names": (lambda sight: sight.named({LEAD: f"{SECRET}@a.example", "ac_1": "acme.com"}), "acme.com"),
    "plan": (lambda sight: sight.plan("hubspot", {"samples": {"update": [SAMPLE]}, "unfit": []}), "***"),
}  # fmt: skip


def sight_of(**given) -> Sight:
    rule = MaskRule(dict.fromkeys(CLASSES, "hidden"), place(1), ("EU",))
    privacy = Privacy((rule,), {"EU": frozenset({"DE"})}, dict(USUAL))
    return Sight(a_playbook(crms={"hubspot": CRM}, privacy=privacy), "pages", **given)


@pytest.mark.parametrize("kind", SHOWN)
def test_what_names_a_person_is_masked_unless_the_mask_is_lifted_or_no_rule_fits(kind):
    show, left = SHOWN[kind]
    masked = sight_of()
    masked.veil_of(a_lead(LEAD, country="DE"))
    assert SECRET not in repr(show(masked))
    assert left in repr(show(masked))
    elsewhere = sight_of()
    elsewhere.veil_of(a_lead(LEAD, country="US"))
    lifted = sight_of(lifted=Lifted({LEAD: NOON + LASTS}))
    lifted.veil_of(a_lead(LEAD, country="DE"))
    for plain in (elsewhere, lifted):
        assert repr(show(plain)).count(SECRET) >= 1


def test_who_was_forgotten_is_masked_and_accounts_are_not():
    gone = replace(PROPOSAL, lead_id=OTHER)
    assert SECRET not in repr(sight_of().proposal(gone))
    account = replace(HOLD, entity_kind="account", entity_id="ac_1", name="acme.com")
    assert sight_of().hold(account) == account


def test_values_that_do_not_fit_an_account_are_shown_as_of_somebody_unknown():
    rows = [
        {"object": "contacts", "field": name, "problem": "too long", "value": SECRET, "leads": 2}
        for name in ("tel", "job")
    ]
    shown = sight_of().plan("hubspot", {"samples": {}, "unfit": rows})["unfit"]
    assert [one["value"] for one in shown] == ["***", SECRET]  # a job title has no class


@pytest.mark.parametrize(
    ("level", "fields", "shown"),
    [
        ("hidden", {"name": "acme.com", "domain": "acme.com"}, None),  # a domain is that of the e-mail
        ("hidden", {"name": "Acme", "domain": "acme.com"}, {"name": "Acme"}),
        ("partly", {"name": "acme.com", "domain": "acme.com"}, {"name": "acme.com", "domain": "acme.com"}),
    ],
)
def test_a_card_names_the_company_as_far_as_the_address_shows_it(level, fields, shown):
    privacy = Privacy((MaskRule({"email": level}, place(1)),), {}, dict(USUAL))
    sight = Sight(a_playbook(privacy=privacy), "pages")
    card = Card(a_lead(LEAD, email="a@acme.com"), NOON, (), (), (), company=Account("ac_1", fields=fields))
    company = sight.card(card).company
    assert (company.fields if company else None) == shown
