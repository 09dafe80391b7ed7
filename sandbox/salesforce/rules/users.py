"""Users: one user name each, in all of Salesforce."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rules.base import Rules

if TYPE_CHECKING:
    from sandbox.salesforce.writes import Writer


class UserRules(Rules):
    """Users are made and changed, never deleted."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Refuse a user name that is taken."""
        name = values["Username"]
        if name == before.get("Username"):
            return
        if any(
            user.values["Id"] != before.get("Id")
            for user in write.org.rows("User").with_key("Username", name)
        ):
            message = (
                "Duplicate Username.<br>The username already exists in this or another Salesforce "
                "organization. Usernames must be unique across all Salesforce organizations. To resolve, "
                "use a different username (it doesn't need to match the user's email address). "
            )
            raise SalesforceError("DUPLICATE_USERNAME", message, ["Username"])
