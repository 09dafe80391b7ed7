"""What a run counts: the acts and faults that really came about, and leadrelay's writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sandbox.history import Write
from tests.agreement.crms import Account, is_by_hand
from tests.agreement.world import World

OF_PEOPLE = (
    "post",
    "create hubspot",
    "create salesforce",
    "edit hubspot contacts",
    "edit salesforce Lead",
    "edit salesforce Contact",
    "merge hubspot",
    "merge salesforce",
    "convert",
    "delete hubspot",
    "delete salesforce",
)
OF_SALES = (
    *(f"{act} {name}" for name in ("hubspot", "salesforce") for act in ("sell", "sell the same")),
    *(
        f"{act} {of}"
        for of in ("hubspot deals", "salesforce Opportunity")
        for act in ("edit", "win_deal", "lose_deal", "delete", "restore")
    ),
    *(
        f"{act} {of}"
        for of in ("hubspot companies", "salesforce Account")
        for act in ("create", "edit", "delete")
    ),
)
OF_THE_WEATHER = (
    "call dropped",
    "call refused 503",
    "call refused 429",
    "answer lost: timeout",
    "answer lost: cut",
    "row of a batch failed",
    "search lags",
    "crash before a commit",
    "crash after a commit",
)
OF_WEBHOOKS = ("webhook lost", "webhook doubled", "webhook overtaken")


def what_happened(world: World) -> Counter[str]:
    """Return how often each act and each fault came about."""
    found = Counter(world.happened)
    for account in world.accounts.values():
        found += account.fates.counted
    return found


def writes_for_nothing(world: World) -> Iterator[str]:
    """Say which writes changed nothing, but for the resend of one whose answer was lost."""
    for account in world.accounts.values():
        for place, write in _ours(account):
            if _changes_nothing(write) and not _is_resend(account, place, write):
                yield f"{account.name}: write {place} of {write.record_id} changed nothing"


def writes_too_many(world: World) -> Iterator[str]:
    """Say where leadrelay wrote more than it had to.

    There are no more writes than records that differed, each counted once in each quiet period, and one
    for each fault and each crash. A period is quiet while nobody does or says anything, and leadrelay hears
    of nothing that it did not know: not of an older edit, nor of the id of a record that it has made, which
    the other CRM's is to hold. What differed is what was written with something new. A stage that goes back
    in HubSpot takes two calls, which are one write: emptied, with all else that differs, and set.
    """
    differed: set[tuple[str, str, str, int]] = set()
    again: list[str] = []
    writes = faults = 0
    for account in world.accounts.values():
        faults += account.fates.faults
        for place, write in _ours(account):
            if _is_emptied_to_be_set(write):
                continue
            writes += 1
            period = account.period_of(place)
            pair = (account.name, write.object_name, write.record_id, period)
            if pair in differed:
                again.append(f"{account.name} {write.record_id} in {', '.join(write.after)} ({place})")
            if not _changes_nothing(write):
                differed.add(pair)
    if writes > len(differed) + faults + world.crashes:
        yield (
            f"{writes} writes; {len(differed)} differed, {faults} faults, {world.crashes} crashes; "
            f"written again: {'; '.join(again)}"
        )


def _ours(account: Account) -> Iterator[tuple[int, Write]]:
    """Yield what leadrelay wrote to records, each with its place; a merge is a deed of its own.

    Of that the CRM itself writes the record that is left.
    """
    writes = account.vendor.history.writes
    merges = {write.call.id for write in writes if write.kind == "merge" or write.after.get("MasterRecordId")}
    for place, write in enumerate(writes):
        is_sent = write.kind in ("create", "update") and write.object_name in account.names.objects
        if is_sent and write.call.id not in merges and not is_by_hand(write):
            yield place, write


def _changes_nothing(write: Write) -> bool:
    return write.kind == "update" and all(before == after for before, after in write.changes.values())


def _is_emptied_to_be_set(write: Write) -> bool:
    """Say whether it is the first half of a stage's way back; leadrelay empties none for good."""
    return write.kind == "update" and "lifecyclestage" in write.after and not write.after["lifecyclestage"]


def _is_resend(account: Account, place: int, write: Write) -> bool:
    """Say whether leadrelay had written the record before and may not have heard of it."""
    for before, other in _ours(account):
        if before >= place:
            return False
        if (other.object_name, other.record_id) == (write.object_name, write.record_id) and (
            other.call.id in account.fates.lost or any(before < crash <= place for crash in account.crashes)
        ):
            return True
    return False
