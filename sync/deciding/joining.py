"""Two leads that turned out to be one person become one; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from mappings.moving import pass_of
from mappings.outward import is_by_a_person, is_left_to_people, read_rules, same
from mappings.playbook import TOP_STAGE, CrmMap, Lifecycle
from model.decision import Because, Effect, EnterStage, RecordConflict
from model.enrichment import is_machine
from model.event import JsonValue, RecordRef
from model.lead import (
    DEAL_FIELDS_OF_LEAD,
    FACT_FIELDS,
    IN_REVIEW,
    OPT_OUT,
    PERSON,
    QUEUED_SINCE,
    REVIEW_FIELDS,
    REVIEWED_BAND,
    SCORE_FIELDS,
    STAGE_FIELDS,
    Lead,
    Link,
    Provenance,
)
from sync.deciding import carrying
from sync.deciding.surviving import Survivorship
from sync.reasons import Reason

JOIN = "join"
"""Who moved a lead that took another one in."""

NO_RULES = Survivorship()

Carry = Callable[[RecordRef, RecordRef, str], tuple[Sequence[Effect], Because]]
"""Says what becomes of two records of one person: the one to keep, the other, and who made the two one."""

DECIDED_ANEW = frozenset(
    {
        *SCORE_FIELDS,
        *FACT_FIELDS,
        "account",
        *STAGE_FIELDS,
        *REVIEW_FIELDS,
        QUEUED_SINCE,
        *DEAL_FIELDS_OF_LEAD,
    }
)
"""Fields that follow from the rest."""


def join(
    survivor: Lead,
    absorbed: Lead,
    lifecycle: Lifecycle,
    *,
    where: str,
    crms: Mapping[str, CrmMap],
    carry: Carry = carrying.noted,
    purposes: Collection[str] = frozenset(),
    survivorship: Survivorship = NO_RULES,
) -> tuple[list[Effect], list[Reason]]:
    """Take one lead into the draft of another; return what follows from it, and why.

    The survivor's word counts where both have one, unless ``survivorship`` has a rule for the field, but for
    what is never lost: the opt-out of either, a no to one of ``purposes`` (fields of consent), the further
    stage, the earlier first and the later last touch. What lost is kept as a conflict of ``where``, the
    connection whose people said so. Keys, touches and activities are both leads'. On another connection
    where both have a record, the survivor's stays; ``carry`` says what becomes of the two.
    A record that the absorbed lead alone has comes along, and with it what its people typed where ``crms``
    leave a field to them: the survivor's word could not be written there, unless a person said that, too.
    """
    effects: list[Effect] = []
    typed = _typed(survivor, absorbed, where, crms)
    because = [Because(f"lead {absorbed.id} is the same person: taken in")]
    effects += _way(survivor, absorbed, lifecycle)
    for name, value in absorbed.fields.items():
        if value is None or name in DECIDED_ANEW:
            continue
        ours, there = survivor.fields.get(name), typed.get(name)
        is_typed = there is not None and not is_by_a_person(survivor, name, there)
        if name in purposes:
            is_taken = ours is None or (value is False and ours is not False)
        elif ours is not None and (ruled := survivorship.verdict(name, survivor, absorbed)) is not None:
            is_taken, rule = ruled
            if not same(ours, value):
                whose = absorbed.id if is_taken else survivor.id
                because.append(Because(f"{name}: {rule} stays, that of lead {whose}"))
        else:
            is_taken = ours is None or is_typed or _is_kept(name, value, ours, lifecycle)
            is_taken = is_taken or _is_by_people_alone(survivor, absorbed, name)
        if is_taken:
            survivor.fields[name] = value
            if name in absorbed.provenance:
                survivor.provenance[name] = _origin(absorbed, name, there)
            kept, lost = value, ours
        else:
            kept, lost = ours, value
        if lost is not None and not same(kept, lost) and not isinstance(lost, dict):
            effects.append(
                RecordConflict(where, name, kept, lost, f"lead {absorbed.id} was merged into this")
            )
    survivor.identities |= absorbed.identities
    survivor.touches = sorted([*survivor.touches, *absorbed.touches], key=lambda touch: touch.at)
    survivor.activities = sorted([*survivor.activities, *absorbed.activities], key=lambda act: act.at)
    survivor.engagements = {**absorbed.engagements, **survivor.engagements}
    survivor.asked |= absorbed.asked
    for name_of_timer, timer in absorbed.timers.items():
        known = survivor.timers.get(name_of_timer)
        if known is None or timer.since < known.since:  # a wait goes on from where it began
            survivor.timers[name_of_timer] = timer
    waits = [since for one in (survivor, absorbed) if (since := one.fields.get(QUEUED_SINCE)) is not None]
    if waits:
        survivor.fields[QUEUED_SINCE] = min(map(str, waits))
    _keep_account_said(survivor, absorbed)
    for found, why in _links(survivor, absorbed, where, carry):
        because.append(why)
        effects.extend(found)
    return effects, [Reason("merge", each) for each in because]


def _keep_account_said(survivor: Lead, absorbed: Lead) -> None:
    """Let a person's word on the account of either lead stand; the survivor's, where both have one."""
    said, ours = absorbed.provenance.get("account"), survivor.provenance.get("account")
    if said is None or said.source != PERSON or (ours is not None and ours.source == PERSON):
        return
    survivor.provenance["account"] = said
    survivor.fields.pop("account", None)
    if absorbed.fields.get("account"):
        survivor.fields["account"] = absorbed.fields["account"]


def _way(survivor: Lead, absorbed: Lead, lifecycle: Lifecycle) -> list[Effect]:
    """Keep of two ways the further one and the greater number of passes; say where that is."""
    ours, theirs = survivor.stage, absorbed.stage
    number = max(pass_of(survivor.fields), pass_of(absorbed.fields))
    if number > 1:
        survivor.fields["stage_pass"] = number
    if absorbed.fields.get(IN_REVIEW) is True:  # its question comes along; ``qualify`` settles or keeps it
        survivor.fields[IN_REVIEW] = True
    judged = absorbed.fields.get(
        REVIEWED_BAND
    )  # a verdict on either stands, and settles what was asked of both
    if judged is not None and survivor.fields.get(REVIEWED_BAND) is None:
        survivor.fields[REVIEWED_BAND] = judged
    if theirs is None or (ours is not None and not _is_kept("stage", theirs, ours, lifecycle)):
        return []
    since = absorbed.fields.get("led_back_from")
    survivor.fields.pop("led_back_from", None)
    if since is not None:
        survivor.fields["led_back_from"] = since
    return [EnterStage(theirs, ours, JOIN, number)]


def _is_kept(name: str, theirs: JsonValue, ours: JsonValue, lifecycle: Lifecycle) -> bool:
    """Say whether the absorbed lead's value stands, whoever survives."""
    if name == OPT_OUT:
        return theirs is True
    if name == "stage":
        return _rank(theirs, lifecycle) > _rank(ours, lifecycle)
    if name == "first_touch":
        return _at(theirs) < _at(ours)
    if name == "last_touch":
        return _at(theirs) > _at(ours)
    return False


def _typed(survivor: Lead, absorbed: Lead, where: str, crms: Mapping[str, CrmMap]) -> dict[str, str]:
    """Return the fields that people typed into living records that come along, each with its connection.

    The stage is not among them: the further one is kept, whoever said so.
    """
    return {
        rule.field: name
        for name, link in absorbed.links.items()
        if link.gone_at is None and _comes_along(link, survivor.links.get(name), where)
        if (crm := crms.get(name)) is not None and (object_map := crm.map_of(link.object)) is not None
        for rule in read_rules(object_map)
        if rule.kind != "stage" and is_left_to_people(rule, link, object_map)
    }


def _origin(absorbed: Lead, name: str, there: str | None) -> Provenance:
    """Return where a value that is taken in comes from: from ``there``, where it is what people typed."""
    origin = absorbed.provenance[name]
    if there is None or is_by_a_person(absorbed, name, there):
        return origin
    return replace(origin, source=there)


def _is_by_people_alone(survivor: Lead, absorbed: Lead, name: str) -> bool:
    """Say whether the survivor's value is a provider's word, and the other's is not."""
    ours, theirs = survivor.provenance.get(name), absorbed.provenance.get(name)
    return is_machine(ours) and not is_machine(theirs)


def _rank(stage: JsonValue, lifecycle: Lifecycle) -> tuple[bool, int]:
    """Return how far a stage is: who bought is a customer, though the stages beside the ladder come after."""
    name = stage if isinstance(stage, str) else None
    return name == TOP_STAGE, lifecycle.order(name)


def _at(touch: JsonValue) -> str:
    return str(touch.get("at") or "") if isinstance(touch, Mapping) else ""


def _links(
    survivor: Lead, absorbed: Lead, where: str, carry: Carry
) -> Iterator[tuple[Sequence[Effect], Because]]:
    for name, link in absorbed.links.items():
        ours = survivor.links.get(name)
        if _comes_along(link, ours, where):
            survivor.links[name] = replace(link, rev=0)
            yield (), Because(f"{name}: {link.object} {link.remote_id} is the person's record now")
        elif name == where and ours is not None:
            # Merged there already: what the record holds is read next, and some of it may be our own word.
            known = dict.fromkeys((*ours.aliases, *link.aliases, link.remote_id))
            aliases = tuple(one for one in known if one != ours.remote_id)
            survivor.links[name] = replace(ours, written={**link.written, **ours.written}, aliases=aliases)
        elif ours and link.gone_at is None and (link.object, link.remote_id) != (ours.object, ours.remote_id):
            keep = RecordRef(name, ours.object, ours.remote_id)
            lose = RecordRef(name, link.object, link.remote_id)
            yield carry(keep, lose, f"merged in {where}")


def _comes_along(link: Link, ours: Link | None, where: str) -> bool:
    """Say whether a record becomes the survivor's: it has none there, or a deleted one."""
    if ours is None:
        return True
    return link.connection != where and ours.gone_at is not None and link.gone_at is None
