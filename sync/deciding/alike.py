"""The accounts that a batch's companies may be, by the keys they share; those that it makes, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mappings.matcher.company import keys_of_account, keys_of_lead
from model.account import Account, Likely, Likeness
from model.event import JsonValue
from sync.accounts import MOST_ALIKE, Key


class Alike:
    """Keys and the accounts that have them; nothing is in it where the playbook matches by domain alone."""

    def __init__(self) -> None:
        self.is_used = False
        self.deals: Mapping[str, Counter[str]] = {}
        self._holders: dict[Key, list[str]] = {}
        self._crowded: set[Key] = set()

    @property
    def ids(self) -> set[str]:
        """Return every account that shares a key which not too many share."""
        return {one for ids in self._holders.values() for one in ids}

    def load(self, found: Mapping[Key, list[str]], crowded: set[Key]) -> None:
        """Take in what the store has; ``crowded`` are keys that too many share."""
        self.is_used = True
        self._holders |= found
        self._crowded |= crowded

    def put(self, account: Account) -> None:
        """Let the events after this one find an account as it is now."""
        if not self.is_used:
            return
        for key in keys_of_account(account.fields).each:
            ids = self._holders.setdefault(key, [])
            if account.id not in ids:
                ids.append(account.id)
            if len(ids) > MOST_ALIKE:
                self._crowded.add(key)

    def of(self, fields: Mapping[str, JsonValue], known: Mapping[str, Account]) -> Likely:
        """Return the accounts that share a key with a lead's company."""
        keys = keys_of_lead(fields)
        phone = ("phone_key", keys.phone)
        is_shared = phone in self._crowded or len(self._holders.get(phone, ())) > 1
        useless = self._crowded | ({phone} if is_shared else set())
        ids = {one for key in keys.each if key not in useless for one in self._holders.get(key, ())}
        likely = [self._likeness(known[one]) for one in sorted(ids) if one in known]
        return Likely(likely, is_shared)

    def _likeness(self, account: Account) -> Likeness:
        counted = self.deals.get(account.id, Counter())
        return Likeness(account, counted["won"], counted["open"])
