"""Paths of the vendor's client as dated paths."""

from __future__ import annotations

import pytest

from connectors.hubspot.paths import dated


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/crm/v3/objects/contacts/batch/create", "/crm/objects/2026-09/contacts/batch/create"),
        ("/crm/v3/objects/{objectType}/batch/read", "/crm/objects/2026-09/{objectType}/batch/read"),
        ("/crm/v3/objects/contacts/{contactId}", "/crm/objects/2026-09/contacts/{contactId}"),
        ("/crm/v3/objects/0-136/search", "/crm/objects/2026-09/0-136/search"),
        ("/crm/v3/owners/", "/crm/owners/2026-09"),
        ("/crm/v3/owners/{ownerId}", "/crm/owners/2026-09/{ownerId}"),
        ("/crm/v3/properties/contacts", "/crm/properties/2026-09/contacts"),
        ("/crm/v3/pipelines/deals", "/crm/pipelines/2026-09/deals"),
        ("/crm/v3/lists/{listId}/memberships/add", "/crm/lists/2026-09/{listId}/memberships/add"),
        (
            "/crm/v4/associations/{fromObjectType}/{toObjectType}/batch/read",
            "/crm/associations/2026-09/{fromObjectType}/{toObjectType}/batch/read",
        ),
    ],
)
def test_a_path_of_the_client_becomes_dated(path, expected):
    assert dated(path, "2026-09") == expected


def test_the_undated_version_leaves_paths_as_they_are():
    assert dated("/crm/v3/owners/", "v3") == "/crm/v3/owners/"


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/crm/v4/objects/{a}/{id}", "/crm/v3/objectives"])
def test_a_path_without_a_dated_form_is_not_sent_undated(path):
    with pytest.raises(LookupError, match=r"paths\.py"):
        dated(path, "2026-09")
