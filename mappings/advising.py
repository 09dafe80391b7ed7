"""What is no fault of a playbook, and most likely not meant all the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.listed import unlisted, unwritten
from mappings.matcher.banding import why_unlearned
from mappings.playbook import QUEUE, CrmMap, Icp, Matching, Playbook
from mappings.problems import Problem, in_order
from model.account import PARENT

NO_USER = "00G"  # how the ids of queues begin in Salesforce; a user's begin with 005


def advice_on(playbook: Playbook) -> list[Problem]:
    """Return what to look at, in the order of files and lines."""
    owned = [one for crm in playbook.crms.values() for one in _owned_by_their_maker(crm, playbook)]
    return in_order(
        [
            *owned,
            *unlisted(playbook),
            *unwritten(playbook),
            *_upside_down(playbook.icp),
            *_joins_nobody(playbook.matching),
            *_without_parents(playbook),
        ]
    )


def _owned_by_their_maker(crm: CrmMap, playbook: Playbook) -> Iterator[Problem]:
    """Say where a lead that waits for an owner gets one by being written: Salesforce has no record without.

    Whoever makes a record owns it; read again, that is an owner whom people chose, and ends the wait.
    """
    queues = sorted(pool.name for pool in playbook.routing.pools.values() if pool.if_nobody == QUEUE)
    waits = [f"leads of {', '.join(queues)} that wait for an owner (queue_until_shift)"] if queues else []
    waits += ["leads that wait for a provider (wait_for)"] if playbook.enrichment.waits else []
    if crm.kind != "salesforce" or not waits or "assign" not in playbook.pipeline:
        return
    for rule in crm.objects[crm.create_object].fields:
        if rule.field != "owner" or rule.write_only or _names_a_user(rule.blank_values):
            continue
        who = f"get the one who makes their record in {crm.connection}"
        message = f"{' and '.join(waits)} {who}, which ends the wait"
        fix = "Name the id of the user by whom leadrelay writes under blank_values: it begins with 005."
        yield Problem(rule.place, message, fix)


def _joins_nobody(matching: Matching | None) -> Iterator[Problem]:
    """Say where leads are to be joined without a person, and the weights are none to join by."""
    if matching is None or matching.same_place is None:
        return
    if why := why_unlearned(matching):
        fix = "Learn them: leadrelay match learn --write. Or say that they will do: same_weights: shipped."
        yield Problem(matching.same_place, f"nobody is joined without a person: {why}", fix)


def _upside_down(icp: Icp | None) -> Iterator[Problem]:
    """Say where tiers are letters, and the last of the alphabet are the best leads."""
    names = [tier for _, tier in icp.tiers] if icp is not None else []
    is_letters = len(names) > 1 and all(len(name) == 1 and name.isalpha() for name in names)
    if icp is None or not is_letters or names != sorted(names, reverse=True):
        return
    ends = (names[0], names[-1])
    message = f'who fits best is of tier "{ends[0]}", who fits least of "{ends[1]}"'
    turned = ", ".join(
        f"{name}: {least}" for (least, _), name in zip(icp.tiers, reversed(names), strict=True)
    )
    yield Problem(icp.tiers_place, message, f"If that is not meant, write {{{turned}}}.")


def _without_parents(playbook: Playbook) -> Iterator[Problem]:
    """Say where parents decide between accounts, and no CRM says who they are."""
    match = playbook.accounts.match
    if match is None or PARENT not in match.tie_breakers:
        return
    said = {rule.field for crm in playbook.crms.values() if crm.account for rule in crm.account.fields}
    if PARENT not in said:
        line = "ParentId: {field: parent, authority: crm, read_only: true}"
        fix = f"Read it from the CRM; of Salesforce's Account: {line}."
        yield Problem(match.place, "the tie-breaker parent tells nothing: no map fills the field parent", fix)


def _names_a_user(blank_values: tuple[str, ...]) -> bool:
    return any(not one.startswith(NO_USER) for one in blank_values)
