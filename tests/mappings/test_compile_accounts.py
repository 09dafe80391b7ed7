"""accounts.yaml: which domains stand for a company, and what is wrong with it is said with its place."""

from __future__ import annotations

import pytest

from mappings.advising import advice_on
from mappings.compile import check, load
from tests.mappings.folders import playbook_folder


def test_shared_domains_and_aliases_are_taken_over(tmp_path):
    folder = playbook_folder(tmp_path)
    (folder / "accounts.yaml").write_text("shared_domains: school.edu\naliases: {acme.de: acme.com}\n")
    accounts = load(folder).accounts
    assert (accounts.shared_domains, accounts.aliases) == ({"school.edu"}, {"acme.de": "acme.com"})


def test_the_file_may_be_left_out(tmp_path):
    assert load(playbook_folder(tmp_path)).accounts.aliases == {}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "shared_domains: [www.Acme.com]",
            'accounts.yaml:1:18: "www.Acme.com" is not a registrable domain in lower case\n'
            "    Write acme.com.",
        ),
        (
            "aliases: {acme: acme.com}",
            'accounts.yaml:1:11: "acme" is not a registrable domain in lower case\n'
            "    Write a domain such as acme.com.",
        ),
        (
            "aliases:\n  a.de: b.de\n  b.de: c.de",
            'accounts.yaml:2:9: "b.de" is an alias itself\n    Write c.de here.',
        ),
        (
            "shared_domains: [b.de]\naliases: {a.de: b.de}",
            'accounts.yaml:2:17: "b.de" is listed under shared_domains, so it stands for no company',
        ),
        (
            "shared: [b.de]",
            'accounts.yaml:1:1: there is no setting "shared"\n    Did you mean "shared_domains"?',
        ),
        (
            "match: {review: 0.9, same: 0.8}",
            "accounts.yaml:1:17: nobody would be asked: from same on the lead belongs there\n"
            "    Write 0.8 or less.",
        ),
        (
            "match: {tie_breakers: [oldest, oldest]}",
            'accounts.yaml:1:32: "oldest" stands twice',
        ),
        (
            "match: {only: [customr]}",
            'accounts.yaml:1:16: "customr" is not possible here\n    Did you mean "customer"?',
        ),
        (
            "match: {same: 0.2}",
            'accounts.yaml:1:15: "same" has to be at least 0.5, not 0.2\n'
            "    How likely it must be before the lead belongs to that account.",
        ),
        (
            "match: {fallback: nobody}",
            'accounts.yaml:1:19: "nobody" is not possible here\n    Known: domain, none.',
        ),
    ],
)
def test_a_fault_is_printed_with_its_place_and_a_suggestion(tmp_path, text, lines):
    folder = playbook_folder(tmp_path)
    (folder / "accounts.yaml").write_text(f"{text}\n")
    assert "\n".join(map(str, check(folder))) == lines


MAP = """\
kind: {kind}
create: {people}
account: {companies}
objects:
  {people}: {{fields: {{email: {{field: email, authority: crm}}}}}}
  {companies}: {{id_field: lead_relay, fields: {{over: {{field: parent, authority: crm{line}}}}}}}
"""
HUBSPOT = {"kind": "hubspot", "people": "contacts", "companies": "companies"}
SALESFORCE = {"kind": "salesforce", "people": "Lead", "companies": "Account"}
READ = ", read_only: true"


def with_parents(tmp_path, *crms):
    folder = playbook_folder(tmp_path)
    (folder / "accounts.yaml").write_text("match: {tie_breakers: [parent, oldest]}\n")
    for crm, line in crms:
        (folder / "crm" / f"{crm['kind']}.yaml").write_text(MAP.format(**crm, line=line))
    return folder


def test_the_parent_is_read_from_one_crm_and_written_to_none(tmp_path):
    assert check(with_parents(tmp_path / "good", (SALESFORCE, READ))) == []
    [written] = check(with_parents(tmp_path / "written", (SALESFORCE, "")))
    assert str(written) == (
        "crm/salesforce.yaml:6:44: the parent is the id of a record there, which leadrelay does not choose\n"
        "    Add read_only: true."
    )
    [twice] = check(with_parents(tmp_path / "twice", (HUBSPOT, READ), (SALESFORCE, READ)))
    assert "crm/hubspot.yaml says the parents of companies already" in str(twice)


def test_a_tie_breaker_that_tells_nothing_is_told(tmp_path):
    [told] = advice_on(load(with_parents(tmp_path / "none")))
    assert str(told).startswith("accounts.yaml:1:1: the tie-breaker parent tells nothing")
    assert advice_on(load(with_parents(tmp_path / "read", (SALESFORCE, READ)))) == []
