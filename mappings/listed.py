"""Values that a playbook lists for a field, and conditions that name others. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mappings.playbook import CrmField, FieldRule, Playbook
from mappings.problems import Problem, did_you_mean
from model.decision import Place
from model.lead import DECIDED_FIELDS

AS_IT_IS = frozenset({"text", "trim", "values"})
"""Converters behind which a listed text is what the lead holds."""


@dataclass(slots=True)
class Listed:
    """The values of one field by all lists of the playbook."""

    values: dict[str, None] = field(default_factory=dict)  # in the order in which they stand
    places: list[Place] = field(default_factory=list)  # of the lists
    is_open: bool = False  # it also holds what no list names

    def has(self, value: str) -> bool:
        """Say whether a list names a value, in whatever case: conditions do not look at it."""
        return plain(value) in map(plain, self.values)


def plain(value: str) -> str:
    """Return a value as conditions compare it."""
    return value.strip().casefold()


def lists_of(playbook: Playbook) -> dict[str, Listed]:
    """Return the fields whose values are listed: by the maps of CRMs, or by the tables of all their sources.

    A field that a CRM is read into without a list holds whatever people type there. What sources post beside
    a CRM's list counts as a slip: that CRM is not sent it.
    """
    found: dict[str, Listed] = {}
    by_crm: set[str] = set()
    for crm in playbook.crms.values():
        for rule in (rule for mapped in crm.objects.values() for rule in mapped.fields):
            one = found.setdefault(rule.field, Listed())
            if rule.values and rule.kind == "text" and rule.expression is None:
                by_crm.add(rule.field)
                one.values |= dict.fromkeys(rule.values)
                one.places.append(rule.place)
            else:
                one.is_open |= _reads_anything(rule)
    open_sources = set()
    for source in playbook.sources.values():
        for each in source.fields:
            one = found.setdefault(each.field, Listed())
            one.values |= dict.fromkeys(_outputs(each))
            one.places += [each.place] if each.table else []
            if each.paths and (each.table is None or each.table.otherwise == "keep"):
                open_sources.add(each.field)
    return {
        name: one
        for name, one in found.items()
        if name not in DECIDED_FIELDS
        and one.places
        and not one.is_open
        and (name in by_crm or name not in open_sources)
    }


def _reads_anything(rule: CrmField) -> bool:
    return not rule.write_only and not rule.values


def _outputs(rule: FieldRule) -> Iterator[str]:
    """Yield the texts that a source's line can make by its lists."""
    made = [rule.constant, rule.default]
    if rule.table is not None:
        made += [*rule.table.values.values(), rule.table.value]
    yield from (one for one in made if isinstance(one, str) and one)


def unwritten(playbook: Playbook) -> Iterator[Problem]:
    """Yield lines of CRM maps that have no word for a value which a source's own list makes.

    Such a value is not written. A table that keeps what it does not list, and free text, say nothing here.
    """
    made: dict[str, dict[str, Place]] = {}
    for source in playbook.sources.values():
        for each in (one for one in source.fields if {step.name for step in one.convert} <= AS_IT_IS):
            for value in _outputs(each):
                made.setdefault(each.field, {}).setdefault(value, each.place)
    for crm in playbook.crms.values():
        for rule in (rule for mapped in crm.objects.values() for rule in mapped.fields):
            if rule.kind != "text" or not rule.values or not _needs_each(rule):
                continue
            for value, place in made.get(rule.field, {}).items():
                if value not in rule.values:
                    message = (
                        f'{rule.remote} is not written where "{rule.field}" is "{value}" '
                        f"({place.file}:{place.line})"
                    )
                    fix = did_you_mean(value, rule.values)
                    near = f" {fix}" if fix.startswith("Did") else ""
                    yield Problem(
                        rule.place, message, f'List "{value}" under values, or write a default.{near}'
                    )


def _needs_each(rule: CrmField) -> bool:
    """Say whether a line writes only what its values list; a union sends what they do not as it is."""
    is_written = not rule.read_only and rule.expression is None
    return is_written and rule.authority != "union" and rule.default is None


def unlisted(playbook: Playbook) -> Iterator[Problem]:
    """Yield conditions that name a value which no list of the field has."""
    lists = lists_of(playbook)
    for named in playbook.named:
        one = lists.get(named.field)
        if one is None or one.has(named.value):
            continue
        where = ", ".join(dict.fromkeys(f"{place.file}:{place.line}" for place in one.places))
        message = f'no list has "{named.value}" for "{named.field}" ({where})'
        yield Problem(named.place, message, did_you_mean(named.value, one.values))
