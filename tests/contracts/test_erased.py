"""A contact that HubSpot erases for privacy: gone by id, with nothing left of it, as its webhook says."""

from __future__ import annotations

import requests

from tests.contracts.crms import DIALECTS, a_new_person, fields_read

CRM = "hubspot"


def test_an_erased_contact_is_gone_and_holds_nothing_any_more(sandboxes):
    connector, server = sandboxes[CRM]
    [made] = connector.create([a_new_person(CRM, "ada@example.com", title="Countess")], fields_read(CRM))
    answer = requests.post(
        f"{server.url}/crm/v3/objects/contacts/gdpr-delete",
        json={"objectId": made.ref.id},
        headers={"Authorization": f"Bearer {DIALECTS[CRM].token}"},
        timeout=60,
    )
    assert answer.status_code == 204
    read = list(connector.read([made.ref], fields_read(CRM)))
    assert all(one.archived for one in read)
    assert "ada@example.com" not in str(read)
    assert "Countess" not in str(read)
