"""The doctor on accounts: scopes, version, limits, clock, owners, and accounts that do not answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connectors.base import A_DAY, Usage
from connectors.inspection import Account, Field, Fields, Need, Version
from connectors.tokens import Credentials
from leadrelay.doctor.accounts import Checked, check_account
from leadrelay.doctor.findings import Finding
from leadrelay.settings import ConnectionSettings
from mappings.playbook import CrmField, CrmMap, Limits, ObjectMap
from model.change import OwnerRecord
from model.decision import Place
from model.errors import ConnectorError, NotAuthorized, RetryLater
from model.lead import LEAD_FIELDS
from sync.budgets.forecast import Forecast

AT = Place("crm/x.yaml", 3, 1)
TODAY = date(2026, 11, 22)
NEEDS = (Need(("read",), "to read"), Need(("write",), "to write", to_write=True))
CITY = CrmField("city", "city", "newest", AT)
ANNA = OwnerRecord("1", "anna@acme.example", "Anna", active=True)


@dataclass
class Told:
    """An account that tells what a test says, and can own what it says."""

    scopes: frozenset[str] | None = frozenset({"read", "write"})
    used: Sequence[Usage] = (Usage(A_DAY, 100, 1000), Usage(10, 1, 110))
    at: Version = field(default_factory=lambda: Version("68.0", "68.0", is_supported=True))
    ahead: float | None = 0.4
    failures: dict[str, ConnectorError] = field(default_factory=dict)
    people: Sequence[OwnerRecord] = (ANNA,)

    @property
    def clock_ahead(self) -> float | None:
        return self.ahead

    def _may_fail(self, what: str) -> None:
        if what in self.failures:
            raise self.failures[what]

    def account(self) -> Account:
        self._may_fail("account")
        return Account("00D1", "Acme", "Enterprise", "bot@acme.example", self.scopes)

    def fields(self, object_type: str) -> Fields | None:
        self._may_fail("fields")
        return Fields({"city": Field("city", "text", "string")})

    def usage(self) -> Sequence[Usage]:
        return self.used

    def version(self, today: date) -> Version:
        return self.at

    def needs(self, objects: Sequence[str]) -> Sequence[Need]:
        return NEEDS

    def owners(self) -> Iterator[OwnerRecord]:
        self._may_fail("owners")
        yield from self.people


def check(
    told: Told, *, url: str = "https://crm.example", writes: bool = False, heading: Forecast | None = None
) -> Checked:
    mapped = ObjectMap("Lead", (CITY,), AT)
    limits = Limits(burst_calls=100, daily_calls=1000)
    crm = CrmMap("crm-eu", "salesforce", "Lead", {"Lead": mapped}, limits, AT)
    reach = ConnectionSettings(url, Credentials(token="pat-secret"), "68.0")
    connector: Any = told
    return check_account(
        crm, reach, told, connector, writes=writes, types=LEAD_FIELDS, today=TODAY, heading=heading
    )


def bad(told: Told, **more: Any) -> list[Finding]:
    return [one for one in check(told, **more).findings if one.level != "ok"]


AFTERNOON = datetime(2026, 11, 21, 15, tzinfo=UTC)


def a_day(**given: Any) -> Forecast:
    plain = Forecast(
        used=100, ours=90, most=1000, share=800, per_hour=20, renews_at=None, expected=500,
        runs_out_at=None, told_by_vendor=True,
    )  # fmt: skip
    return replace(plain, **given)


def test_where_the_day_of_calls_is_heading_is_told():
    facts = [one.fact for one in check(Told(), heading=a_day()).findings]
    assert "20 calls in the last hour: 500 of 800 expected within 24 hours" in facts
    [short] = bad(Told(), heading=a_day(expected=1200, runs_out_at=AFTERNOON, renews_at=AFTERNOON))
    assert short.level == "warn"
    assert "1,200 of 800 expected by 15:00 UTC" in short.fact
    assert "used up at 2026-11-21 15:00 UTC" in short.fact


def test_an_account_in_order_has_nothing_to_do():
    checked = check(Told())
    assert [one for one in checked.findings if one.level != "ok"] == []
    assert checked.owners == [ANNA]
    first = checked.findings[0]
    assert first.fact == (
        "answers: account 00D1 Acme (Enterprise), as bot@acme.example; observed, set up by the environment"
    )


@pytest.mark.parametrize(
    ("told", "level", "words", "fix"),
    [
        (Told(scopes=frozenset({"write"})), "problem", "scope read is missing, needed to read", "Add read"),
        (Told(scopes=frozenset({"read"})), "warn", "needed to write once it is written to", "Add write"),
        (Told(at=Version("20.0", "68.0", is_supported=False)), "problem", "20.0 is not supported",
         "Set LEADRELAY_CRM_EU_API_VERSION=68.0."),
        (Told(at=Version("v3", "2026-09", is_supported=True, until=date(2027, 1, 1))), "warn",
         "until 2027-01-01 only", "API_VERSION=2026-09"),
        (Told(used=[Usage(A_DAY, 900, 1000)]), "problem",
         "900 of 1,000 calls of the day are used (90%)",
         "reserve"),
        (Told(used=[Usage(A_DAY, 700, 1000)]), "warn", "(70%)", "slows down"),
        (Told(used=[Usage(A_DAY, 1, 500)]), "warn", "counts on 1,000 calls a day",
         "daily_calls: 500"),
        (Told(used=[Usage(10, 1, 50)]), "warn", "counts on 100 calls in 10 s",
         "burst_calls: 50"),
        (Told(ahead=61.0), "warn", "clock is 61 s behind the CRM's", "NTP"),
        (Told(ahead=-3600.0), "warn", "clock is 3,600 s ahead of the CRM's", "NTP"),
        (Told(people=[OwnerRecord("1", "a@b.example", "A", active=False)]), "problem",
         "no active owner", "seat"),
        (Told(failures={"fields": RetryLater("HTTP 503")}), "problem", "the fields cannot be read: HTTP 503",
         "status page"),
        (Told(failures={"owners": NotAuthorized("403 no owners")}), "problem", "the owners cannot be read",
         "Do what it says"),
    ],
)  # fmt: skip
def test_each_fault_is_one_finding_with_what_to_do(told, level, words, fix):
    [one] = bad(told)
    assert (one.area, one.level) == ("crm-eu", level)
    assert words in one.fact
    assert fix in one.fix


def test_a_scope_for_writing_is_a_problem_where_it_is_written_to():
    [one] = bad(Told(scopes=frozenset({"read"})), writes=True)
    assert one.level == "problem"


def test_unknown_scopes_and_limits_are_no_fault():
    assert bad(Told(scopes=None, used=[], ahead=None)) == []


def test_an_account_that_does_not_answer_is_asked_nothing_more():
    told = Told(failures={"account": NotAuthorized("invalid_grant: look at the policies")}, ahead=600.0)
    checked = check(told)
    assert [one.level for one in checked.findings] == ["problem", "warn"]
    assert "invalid_grant: look at the policies" in checked.findings[0].fact
    assert checked.owners is None


def test_a_token_in_clear_is_a_problem():
    [one] = bad(Told(), url="http://crm.example")
    assert (one.level, one.fix) == ("problem", "Use the https address of the account.")
    assert bad(Told(), url="http://127.0.0.1:8901") == []
