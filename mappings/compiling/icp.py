"""The ideal customer profile: from the checked file to what handlers use."""

from __future__ import annotations

from mappings.compiling.contradictions import contradiction
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import Icp, IcpCriterion
from mappings.schema import IcpCriterionMap, IcpFile, PipelineFile
from model.lead import ICP_FIELDS, QUEUED_SINCE, REVIEW_FIELDS, SCORE_FIELDS, STAGE_FIELDS

LATER = frozenset(
    {*ICP_FIELDS, *SCORE_FIELDS, *STAGE_FIELDS, *REVIEW_FIELDS, QUEUED_SINCE, "stage", "owner", "account"}
)
"""What is decided behind the profile, partly by it; a trial against past deals does not know it either."""


def compile_icp(checked: Checked[IcpFile], scope: Scope) -> Icp:
    """Return the profile; what cannot be met, or tells nothing apart, is noted in the scope."""
    file, document = checked.model, checked.document
    found = [_criterion(n, entry, document, scope) for n, entry in enumerate(file.criteria)]
    names = [entry.name for entry in file.criteria]
    for n, name in enumerate(names):
        if name in names[:n]:
            at = document.value_place("criteria", n, "name")
            scope.fault(at, f'two criteria are called "{name}"', "Give one of them another name.")
    if document.sound and not any(entry.weight for entry in file.criteria):
        fix = "Give a weight to those that make one customer better than another."
        scope.fault(document.place("criteria"), "no criterion has a weight: all would be of one tier", fix)
    taken: dict[int, str] = {}
    for tier, least in file.tiers.items():
        if least in taken:
            at = document.value_place("tiers", tier)
            scope.fault(at, f'nobody gets into "{tier}": {taken[least]} begins at {least}, too')
        taken.setdefault(least, tier)
    tiers = tuple(sorted(((least, tier) for tier, least in file.tiers.items()), reverse=True))
    criteria = tuple(one for one in found if one is not None)
    return Icp(criteria, tiers, file.outside or "", document.place("criteria"), document.place("tiers"))


def check_order(pipeline: Checked[PipelineFile], scope: Scope) -> None:
    """Note a pipeline that judges nobody by the profile, or at the wrong moment."""
    names, document = pipeline.model.handlers, pipeline.document
    if "icp" not in names:
        fix = "Add icp to handlers in pipeline.yaml, in front of score."
        scope.fault(document.place("handlers"), "icp.yaml has criteria, and no rule looks at them", fix)
        return
    here = names.index("icp")
    at = document.value_place("handlers", here)
    for name in ("identify", "absorb", "facts"):
        if name in names and names.index(name) > here:
            scope.fault(at, f'"icp" looks at what "{name}" finds out', f"Put it behind {name}.")
            return
    for name in ("score", "qualify", "assign"):
        if name in names and names.index(name) < here:
            scope.fault(at, f'"{name}" may ask for the tier', f"Put it in front of {name}.")
            return


def _criterion(n: int, entry: IcpCriterionMap, document: Document, scope: Scope) -> IcpCriterion | None:
    at = document.place("criteria", n)
    if not entry.required and not entry.weight and document.sound:
        fix = "Give it a weight, or required: true."
        scope.fault(at, f'"{entry.name}" counts for nothing', fix)
    place = document.place("criteria", n, "when")
    if document.sound and (why := contradiction(entry.when)):
        fix = "Correct it, or write any: [...] for one or the other."
        scope.fault(place, f"nobody meets this: {why}", fix)
    when = scope.condition(document, entry.when, "criteria", n, "when")
    if when is None:
        return None
    if later := sorted(when.fields & LATER):
        fix = "A profile says what a customer is; what is decided of a lead belongs into other files."
        scope.fault(place, f'"{later[0]}" is decided behind the profile', fix)
    return IcpCriterion(entry.name, when, entry.weight or 0, entry.required, at)
