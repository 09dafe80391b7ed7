"""``privacy.yaml``: from the checked file to the rules by which personal data is masked."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.compiling.consent import region_of
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.playbook import ELSEWHERE, MaskRule, Privacy
from mappings.playbook.privacy import CLASSES, NOT_PERSONAL, USUAL
from mappings.schema import ExtraField, FieldsFile, PrivacyFile
from model.lead import LEAD_FIELDS


def compile_privacy(
    checked: Checked[PrivacyFile] | None,
    own: Checked[FieldsFile] | None,
    shared: Mapping[str, frozenset[str]],
    scope: Scope,
) -> Privacy:
    """Return the rules and each field's class; ``own`` is fields.yaml, ``shared`` regions of consent.yaml."""
    declared = own.model.fields if own else {}
    classes = {**USUAL, **{name: one.personal for name, one in declared.items() if one.personal}}
    if checked is None:
        return Privacy(classes=_personal(classes))
    file, document = checked.model, checked.document
    for name in file.regions.keys() & shared.keys():
        fix = "Regions of consent.yaml can be named here as they are: take this one out, or rename it."
        scope.fault(document.place("regions", name), f'the region "{name}" is in consent.yaml, too', fix)
    regions = {
        **shared,
        **{name: region_of(name, each, document, scope) for name, each in file.regions.items()},
    }
    rules = []
    for n, entry in enumerate(file.rules):
        for m, name in enumerate(entry.regions):
            at = document.value_place("rules", n, "regions", m)
            if "consent" not in scope.unread:
                scope.knows(at, "region", name, [*regions, ELSEWHERE])
        at = document.place("rules", n)
        rules.append(
            MaskRule(
                {str(one): level for one, level in entry.show.items()},
                at,
                tuple(entry.regions),
                tuple(entry.channels),
            )
        )
    for name, kind in file.fields.items():
        at = document.place("fields", name)
        if name in declared:
            fix = f"Write it in fields.yaml: {name}: {{personal: {kind}}}."
            scope.fault(at, f'"{name}" is a field of your own', fix)
        elif scope.knows(at, "lead field", name, list(scope.fields)) and LEAD_FIELDS.get(name) in (
            bool,
            dict,
        ):
            scope.fault(at, f'"{name}" has no class of its own', "Take it out.")
        classes[name] = kind
    _check_classified(declared, own, scope)
    return Privacy(tuple(rules), regions, _personal(classes))


def _check_classified(
    declared: Mapping[str, ExtraField], own: Checked[FieldsFile] | None, scope: Scope
) -> None:
    """Note fields of one's own that say nothing: one that is forgotten would be shown."""
    for name, entry in declared.items():
        if own is not None and entry.type != "boolean" and entry.personal is None:
            fix = f"Write personal: none, or its class: {', '.join(CLASSES)}."
            at = own.document.place("fields", name)
            scope.fault(at, f'with privacy.yaml "{name}" must say whether it is personal', fix)


def _personal(classes: Mapping[str, str]) -> dict[str, str]:
    return {name: kind for name, kind in classes.items() if kind != NOT_PERSONAL}
