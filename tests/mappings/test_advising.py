"""What `leadrelay check` warns of, though nothing is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.advising import advice_on
from tests.builders import a_crm, a_playbook, a_pool, a_routing, mapped
from tests.sync.asked import FIRMO, enrichment

QUEUES = a_routing(pools=[replace(a_pool("dach", "ann@example.com"), if_nobody="queue_until_shift")])
PLAIN = a_routing(pools=[a_pool("dach", "ann@example.com")])


@pytest.mark.parametrize(
    ("crm", "given", "routing", "is_warned"),
    [
        ("salesforce", {}, QUEUES, True),
        ("salesforce", {"blank_values": ("00G*",)}, QUEUES, True),
        ("salesforce", {"blank_values": ("00G*", "0055g00000AbCdE")}, QUEUES, False),
        ("salesforce", {"write_only": True}, QUEUES, False),
        ("salesforce", {}, PLAIN, False),
        ("hubspot", {}, QUEUES, False),
    ],
)
def test_a_record_s_maker_ends_the_wait_of_its_lead_unless_their_id_counts_as_nobody(
    crm, given, routing, is_warned
):
    owner = mapped("owner", "OwnerId", "crm", kind="owner", **given)
    playbook = a_playbook(crms={crm: a_crm(crm, "Lead", owner)}, routing=routing)
    told = [(one.at, "leads of dach that wait" in one.message) for one in advice_on(playbook)]
    assert told == ([(owner.place, True)] if is_warned else [])


def test_a_wait_for_a_provider_is_one_of_them():
    playbook = a_playbook(
        crms={"salesforce": a_crm("salesforce", "Lead", mapped("owner", "OwnerId", "crm", kind="owner"))},
        routing=PLAIN,
        enrichment=enrichment(FIRMO + "    wait_for: 20s\n"),
    )
    [told] = advice_on(playbook)
    assert told.message.startswith("leads that wait for a provider (wait_for) get the one who makes")
