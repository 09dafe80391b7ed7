"""What `screen` makes of a notice: it has the lead read that is named, and waits for it. Pure."""

from __future__ import annotations

from mappings.reading import Reading
from model.cause import Cause
from model.decision import NOTHING, AskLead, Because, Decision, Verdict

WAITS, NOT_READ = Cause("LEAD_WAITS"), Cause("LEAD_NOT_READ")


def asked(reading: Reading) -> Decision:
    """Return the decision that lets a notice wait while its lead is read, or sets it aside unread.

    What a person sends on its way again is asked for once more, until it was read.
    """
    setting = reading.source.lead_ads
    if setting is None or reading.notice == "":
        return NOTHING
    said = reading.stored.overrides.get("lead_ads")
    if isinstance(said, dict) and said.get("of") == reading.stored.replays:
        text = f"lead ads: {setting.kind} does not give the lead: {said.get('why') or 'no reason given'}"
        return Decision(because=(Because(text, setting.place),), verdict=Verdict.QUARANTINE, cause=NOT_READ)
    text = f"lead ads: {setting.kind} is asked for the lead; the notice waits for it"
    return Decision(
        effects=(AskLead(setting.source, reading.notice),),
        because=(Because(text, setting.place),),
        verdict=Verdict.QUARANTINE,
        cause=WAITS,
    )
