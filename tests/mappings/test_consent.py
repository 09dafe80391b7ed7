"""consent.yaml: what is wrong is told with its place; gates by region, by day, and by who said what when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mappings import gates
from mappings.compile import check, load
from mappings.playbook import Consent
from model.consent import why_kept
from model.lead import Provenance
from tests.builders import NOON, a_lead, at
from tests.mappings.folders import playbook_folder

POLICY = """\
purposes:
  call:
    title: Calls
    texts:
      - {version: "1", text: You may call me.}
      - {version: "2", since: 2026-03-01, text: You may call me often.}
  mail:
    title: Mails
    basis: legitimate_interest
    texts: [{version: a, text: We may write.}]
regions:
  EU: [DE, AT]
  UK: [GB]
gates:
  - {act: assign, regions: [EU], needs: call}
  - {act: assign, regions: [UK], needs: call, double_opt_in: true}
  - {act: assign, regions: [elsewhere], needs: mail, basis: legitimate_interest}
  - {act: sync, only: [hubspot], needs: mail, since: 2026-03-03}
"""

TOLD = (
    "crm/hubspot.yaml",
    "    fields:\n",
    "    fields:\n      sure: {field: consent_call_confirmed, authority: newest, kind: bool}\n",
)


def policy_of(folder, *edits: tuple[str, str]) -> Consent:
    return load(playbook_folder(folder, TOLD, files={"consent.yaml": edited(*edits)})).consent


def edited(*edits: tuple[str, str]) -> str:
    text = POLICY
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("needs: call}", "needs: cal}", ['15:41: there is no purpose "cal"', '    Did you mean "call"?']),
        ("regions: [EU]", "regions: [EUR]", ['15:29: there is no region "EUR"', '    Did you mean "EU"?']),
        ("act: sync", "act: snyc", ['18:11: "snyc" is not possible here', '    Did you mean "sync"?']),
        ("[hubspot]", "[hubspt]", ['18:24: there is no connection "hubspt"', '    Did you mean "hubspot"?']),
        ("act: assign,", "act: assign, only: [x],",
         ["15:19: only means nothing to the act assign", "    An owner is given or not: take only: out."]),
        ("2026-03-03", "2026-13-03",
         ['18:54: "2026-13-03" is no day', "    No such day is in the calendar."]),
        ("since: 2026-03-01, ", "",
         ["6:9: it is not said from when on this version is shown",
          "    Write since: with a day after that of the version before it."]),
        ('version: "2"', 'version: "1"',
         ['6:19: there are two versions called "1"',
          "    The ledger names a text by its version: give each its own."]),
        ("[DE, AT]", "[DE, UK]", ['12:12: "UK" is no country code', "    Write GB."]),
        ("[DE, AT]", "[DE, Mars]",
         ['12:12: "Mars" is no country code', "    Write two letters, as ISO 3166-1 has them: DE."]),
        ("[DE, AT]", "[]", ['12:3: the region "EU" has no country', "    List its countries: [DE, AT]."]),
        ("UK: [GB]", "UK: [GB]\n  elsewhere: [FR]",
         ['14:3: a region cannot be called "elsewhere"',
          "    It means the countries that are in no region: give this one another name."]),
        ("legitimate_interest}", "legitimate_interest, double_opt_in: true}",
         ["17:97: where no yes is needed none can be confirmed",
          "    Take double_opt_in: out, or write basis: consent."]),
        ("    title: Calls", "    title: Calls\n    confirm: {channel: inbox, subject: S, body: [b]}",
         ['4:24: there is no channel "inbox"', "    Add one of kind mail to notifications.yaml."]),
        ("    title: Calls", "    title: Calls\n    confirm: {channel: s, subject: '{nme}', body: []}",
         ['4:24: there is no channel "s"', "    Add one of kind mail to notifications.yaml.",
          "consent.yaml:4:36: there is no placeholder {nme}", '    Did you mean "name"?']),
        ("  mail:", "  text:\n    title: Texts\n    texts: [{version: a, text: b}]\n  mail:",
         ['7:3: a purpose cannot be called "text"',
          "    consent_text and consent_…_confirmed are fields of leadrelay's own."]),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_what_to_write(tmp_path, old, new, lines):
    problems = check(playbook_folder(tmp_path, TOLD, files={"consent.yaml": edited((old, new))}))
    assert "\n".join(map(str, problems)).splitlines() == ["consent.yaml:" + lines[0], *lines[1:]]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("authority: crm", '"crm" cannot decide about "consent_call"'),
        ("authority: newest, direction: to_crm", '"consent_call" is always read'),
    ],
)
def test_a_crm_map_that_would_not_hear_a_no_is_a_fault(tmp_path, line, problem):
    field = f"      ok: {{field: consent_call, {line}, kind: bool}}\n"
    edit = ("crm/hubspot.yaml", "    fields:\n", f"    fields:\n{field}")
    [found] = check(playbook_folder(tmp_path, TOLD, edit, files={"consent.yaml": POLICY}))
    assert (str(found.at), found.message) == ("crm/hubspot.yaml:6:7", problem)


def test_a_gate_that_waits_for_a_confirmation_which_nobody_is_asked_for_is_a_fault(tmp_path):
    [found] = check(playbook_folder(tmp_path, files={"consent.yaml": POLICY}))
    assert str(found.at) == "consent.yaml:16:62"
    assert found.message == 'nobody is asked to confirm "call", so that this gate never opens'


def test_a_chat_is_no_way_to_the_person(tmp_path):
    text = edited(("    title: Calls", "    title: Calls\n    confirm: {channel: s, subject: S, body: [b]}"))
    files = {"consent.yaml": text, "notifications.yaml": "channels: {s: {kind: slack}}\n"}
    [found] = check(playbook_folder(tmp_path, TOLD, files=files))
    assert str(found.at) == "consent.yaml:4:24"
    assert found.message == "a slack channel does not reach the person"


def test_no_form_can_say_that_its_own_yes_is_confirmed(tmp_path):
    edit = ("sources/web.yaml", "  email: email\n", "  email: email\n  consent_call_confirmed: sure\n")
    [found] = check(playbook_folder(tmp_path, TOLD, edit, files={"consent.yaml": POLICY}))
    assert found.message == '"consent_call_confirmed" is what no form can say'


def test_a_field_of_ones_own_cannot_have_the_name_of_a_purpose(tmp_path):
    files = {"consent.yaml": POLICY, "fields.yaml": "fields:\n  consent_call: {}\n  budget: {type: number}\n"}
    [found] = check(playbook_folder(tmp_path, TOLD, files=files))
    assert found.message == '"consent_call" is in fields.yaml, too'


@pytest.mark.parametrize(
    ("country", "fields", "why"),
    [
        ("DE", {}, "blocked: no consent for call in EU"),
        ("DE", {"consent_call": True}, ""),
        ("DE", {"consent_call": False}, "blocked: consent withdrawn for call in EU"),
        ("GB", {"consent_call": True}, "blocked: no confirmed consent for call in UK"),
        ("GB", {"consent_call": True, "consent_call_confirmed": True}, ""),
        ("GB", {"consent_call": False, "consent_call_confirmed": True},
         "blocked: consent withdrawn for call in UK"),
        ("US", {}, ""),
        ("US", {"consent_mail": False}, "blocked: consent withdrawn for mail in elsewhere"),
        (None, {}, "blocked: no consent for call, country not known: the strictest rule counts (EU)"),
        (None, {"consent_call": True},
         "blocked: no confirmed consent for call, country not known: the strictest rule counts (UK)"),
        (None, {"consent_call": True, "consent_call_confirmed": True}, ""),
    ],
)  # fmt: skip
def test_who_may_be_given_an_owner_goes_by_region_and_by_what_they_said(tmp_path, country, fields, why):
    lead = a_lead(country=country)
    lead.fields.update(fields)
    assert gates.why_shut(policy_of(tmp_path), gates.ASSIGN, lead, NOON) == why


def test_a_gate_counts_from_its_day_on_and_for_what_it_names(tmp_path):
    policy, lead = policy_of(tmp_path), a_lead(country="FR")
    day = NOON.replace(day=3, hour=0)
    assert gates.why_shut(policy, gates.SYNC, lead, day - timedelta(microseconds=1), ("hubspot",)) == ""
    assert gates.why_shut(policy, gates.SYNC, lead, day, ("hubspot",)) == "blocked: no consent for mail"
    assert gates.why_shut(policy, gates.SYNC, lead, day, ("salesforce",)) == ""


def test_the_version_of_the_text_is_that_of_the_day(tmp_path):
    purpose = policy_of(tmp_path).purposes["call"]
    assert purpose.version_at(NOON.replace(day=1, hour=0)) == "2"
    assert purpose.version_at(NOON.replace(day=1, hour=0) - timedelta(seconds=1)) == "1"


@pytest.mark.parametrize(
    ("known", "by_people", "said", "minutes", "is_kept"),
    [
        (False, False, True, 1, False),  # agreed again
        (False, False, True, 0, True),  # of the same moment: the no
        (False, True, True, -1, True),
        (True, False, False, 0, False),
        (True, False, False, -1, True),  # they agreed later
        (True, True, False, -1, False),  # a CRM's yes is no answer to a person's no
    ],
)
def test_whose_word_stands_goes_by_time_and_for_the_no(known, by_people, said, minutes, is_kept):
    origin = Provenance("x", NOON, 1, by_people=by_people)
    assert bool(why_kept(known, origin, said, at(minutes))) is is_kept
