"""What people do in a run with deals and with companies, by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mappings.outward import same_on
from sandbox.records import Record as Kept
from tests.agreement.crms import Account

if TYPE_CHECKING:
    from tests.agreement.world import World

DEAL_VALUES = {
    "amount": ["1200.00", "9900.50", "50000.00"],
    "close_date": ["2026-12-24", "2027-01-31", "2027-03-31"],
    "stage": ["appointment", "qualified", "contract"],
    "owner": ["anna.keller@northlight.example", "ben.carter@northlight.example"],
}
COMPANY_VALUES = {
    "name": ["Acme", "Acme Holding", "Zeta", "Zeta Works"],
    "city": ["Berlin", "Leeds", "Porto"],
    "postal_code": ["10115", "LS1 4AP", "4000-001"],
}
DOMAINS = ["acme.example", "zeta.example"]
ENDS = {"win_deal": "won", "lose_deal": "lost"}


@dataclass
class Sales:
    """The sellers of a run."""

    world: World
    _numbers: int = 0
    _sold: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)  # name, day, buyer

    def acts(self) -> Mapping[Callable[[], None], float]:
        """Return what may happen, each with how often beside the others."""
        return {
            self.world.someone_converts: 4,  # only who is a Contact can take part in a deal there
            self.someone_sells: 5,
            self.someone_sells_the_same: 4,
            self.someone_moves_a_deal: 10,
            self.someone_closes_a_deal: 4,
            self.someone_deletes_a_deal: 2,
            self.someone_restores_a_deal: 3,
            self.someone_makes_a_company: 1.5,
            self.someone_edits_a_company: 4,
            self.someone_deletes_a_company: 1,
        }

    def someone_sells(self) -> None:
        """Let somebody make a deal with a person, and with the company that the person has there."""
        found = self._one("buyer")
        if found is not None:
            day = self.world.random.choice(DEAL_VALUES["close_date"])
            self._sell(*found, self._new_name("Engine"), day)

    def someone_sells_the_same(self) -> None:
        """Let somebody make a deal that was made by hand in the other CRM already."""
        found = [
            (account, buyer, name, day)
            for account in self.world.accounts.values()
            for buyer in account.living(account.names.buyer)
            for (there, _), (name, day, email) in self._sold.items()
            if there != account.name and email == _email(account, buyer)
        ]
        if found:
            account, *told = self.world.random.choice(found)
            if self._sell(account, *told):
                self.world.did(f"sell the same {account.name}")

    def _sell(self, account: Account, buyer: Kept, name: str, day: str) -> bool:
        stage, amount = (self.world.random.choice(DEAL_VALUES[one]) for one in ("stage", "amount"))
        fields = {"name": name, "stage": stage, "amount": amount, "close_date": day}
        spelled = self._spelled(account, fields)
        by, names = self.world.somebody_there(), account.names
        if account.name == "salesforce":
            spelled |= {"ContactId": buyer.id, "AccountId": buyer.values.get("AccountId")}
        else:
            spelled["pipeline"] = "default"
        made = account.make(names.deal, spelled, by)
        if made and account.name == "hubspot":
            account.act("associate", names.deal, made, by, to_object=names.buyer, to=buyer.id)
        if made:
            self._sold[account.name, made] = (name, day, _email(account, buyer))
            self.world.did(f"sell {account.name}")
        self.world.note(f"sell {account.name} {made} to {buyer.id} {fields}")
        return bool(made)

    def someone_moves_a_deal(self) -> None:
        """Let somebody change a field of a deal."""
        found = self._one("deal")
        if found is None:
            return
        account, deal = found
        name = self.world.random.choice(["name", *DEAL_VALUES])
        value = self._new_name("Loom") if name == "name" else self.world.random.choice(DEAL_VALUES[name])
        self._edit(account, account.names.deal, deal, name, value)

    def someone_closes_a_deal(self) -> None:
        """Let somebody win or lose a deal."""
        found = self._one("deal")
        verb = self.world.random.choice(list(ENDS))
        if found is not None:
            account, deal = found
            said = {"stage": ENDS[verb], "close_date": self.world.now.now().date().isoformat()}
            self.world.types(account, account.names.deal, deal.id, said, verb)

    def someone_deletes_a_deal(self) -> None:
        """Let somebody delete a deal."""
        self._delete("deal")

    def someone_restores_a_deal(self) -> None:
        """Let somebody take a deal out of the recycle bin."""
        found = self._one("deal", deleted=True)
        if found is not None:
            account, deal = found
            by = self.world.somebody_there()
            if account.act("restore", account.names.deal, deal.id, by) is not None:
                self.world.did(f"restore {account.name} {account.names.deal}")
            self.world.note(f"restore {account.name} {account.names.deal} {deal.id}")

    def someone_makes_a_company(self) -> None:
        """Let somebody make a company that is not there yet."""
        account, domain = self.world.an_account(), self.world.random.choice(DOMAINS)
        remotes = account.names.company_fields
        there = [account.values(account.names.company, one) for one in account.living(account.names.company)]
        if domain not in [one.get(remotes["domain"]) for one in there]:
            name = self.world.random.choice(COMPANY_VALUES["name"])
            fields = {remotes["domain"]: domain, remotes["name"]: name}
            made = account.make(account.names.company, fields, self.world.somebody_there())
            if made:
                self.world.did(f"create {account.name} {account.names.company}")
            self.world.note(f"create {account.name} {account.names.company} {made} {fields}")

    def someone_edits_a_company(self) -> None:
        """Let somebody change a field of a company."""
        found = self._one("company")
        if found is not None:
            account, company = found
            name = self.world.random.choice(list(COMPANY_VALUES))
            value = self.world.random.choice(COMPANY_VALUES[name])
            self._edit(account, account.names.company, company, name, value)

    def someone_deletes_a_company(self) -> None:
        """Let somebody delete a company; Salesforce deletes its people and its deals along with it."""
        self._delete("company")

    def of_conversion(self) -> Mapping[str, Any]:
        """Return what somebody chooses who converts a Lead: is a deal made, and with which company."""
        companies = self.world.accounts["salesforce"].living("Account")
        chosen: dict[str, Any] = {"opportunityName": self._new_name("Mill")}
        if self.world.maybe(0.3):
            chosen = {"doNotCreateOpportunity": True}
        if companies and self.world.maybe(0.5):
            chosen["accountId"] = self.world.random.choice(companies).id
        return chosen

    # ---------------------------------------------------------------------------------

    def _edit(self, account: Account, object_type: str, record: Kept, name: str, value: str) -> None:
        spelled = self._spelled(account, {name: value}, object_type)
        [(remote, typed)] = spelled.items()
        object_map = self.world.playbook.crms[account.name].map_of(object_type)
        assert object_map is not None
        if not same_on(object_map, remote, account.values(object_type, record).get(remote), typed):
            self.world.types(account, object_type, record.id, {name: value}, fields=spelled)

    def _delete(self, what: str) -> None:
        found = self._one(what)
        if found is not None:
            account, record = found
            object_type = getattr(account.names, what)
            if account.act("delete", object_type, record.id, self.world.somebody_there()) is not None:
                self.world.did(f"delete {account.name} {object_type}")
            self.world.note(f"delete {account.name} {object_type} {record.id}")

    def _spelled(self, account: Account, said: Mapping[str, str], object_type: str = "") -> dict[str, Any]:
        """Return fields of a deal, or of a company, in the vendor's names and values."""
        remotes = account.names.fields_of(object_type or account.names.deal)
        return {remotes[name]: self._value(account, name, value) for name, value in said.items()}

    @staticmethod
    def _value(account: Account, name: str, value: str) -> Any:
        if name == "stage":
            return account.names.stages[value]
        if name == "owner":
            return account.owner_id(value)
        if name == "amount" and account.name == "salesforce":
            return float(value)
        if name == "close_date" and account.name == "hubspot":
            return f"{value}T00:00:00Z"
        return value

    def _one(self, what: str, *, deleted: bool = False) -> tuple[Account, Kept] | None:
        """Return one record that is a ``buyer``, a ``deal`` or a ``company`` somewhere, with where."""
        of_each = [
            (account, found)
            for account in self.world.accounts.values()
            if (found := account.kept(getattr(account.names, what), deleted=deleted))
        ]
        if not of_each:
            return None
        account, found = self.world.random.choice(of_each)
        return account, self.world.random.choice(found)

    def _new_name(self, what: str) -> str:
        self._numbers += 1
        return f"{what} {self._numbers}"


def _email(account: Account, person: Kept) -> str:
    values = account.values(account.names.buyer, person)
    return str(values.get(account.names.fields["email"]) or "").lower()
