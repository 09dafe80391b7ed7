"""What `screen` makes of a captcha: it has the token checked, and goes by the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.captchas import DOWN, FAILED
from mappings.reading import Reading
from model.cause import Cause
from model.decision import NOTHING, AskCaptcha, Because, Decision, Verdict

Finding = tuple[Verdict, Because, Cause]

WAITS = Cause("CAPTCHA_WAITS")


def asked(reading: Reading) -> Decision:
    """Return the decision that lets a post wait while its token is checked, where that is a question.

    Not twice: what a person, or the verdict, sends on its way again is not asked about.
    """
    setting = reading.source.captcha
    if reading.captcha is None or setting is None or reading.stored.replays is not None:
        return NOTHING
    told = {"token": reading.captcha, "ip": reading.ip}
    text = f"captcha: {setting.kind} is asked whether a person sent this; the post waits for it"
    return Decision(
        effects=(AskCaptcha(setting.source, told),),
        because=(Because(text, setting.place),),
        verdict=Verdict.QUARANTINE,
        cause=WAITS,
    )


def judged(reading: Reading) -> Iterator[Finding]:
    """Yield what the verdict says of the post, or that it came without a token."""
    setting = reading.source.captcha
    if setting is None:
        return
    if reading.captcha == "" and reading.stored.replays is None:
        yield Verdict.SPAM, Because("captcha: the post has none", setting.place), Cause("CAPTCHA")
        return
    said = reading.stored.overrides.get("captcha")
    if not isinstance(said, dict) or said.get("of") != reading.stored.replays:
        return  # or a person has sent it on its way again since
    verdict, why = said.get("verdict"), f": {said['why']}" if said.get("why") else ""
    if verdict == FAILED:
        text = f"captcha: {setting.kind} says that no person sent this{why}"
        yield Verdict.SPAM, Because(text, setting.place), Cause("CAPTCHA")
    elif verdict == DOWN and setting.if_down == "hold":
        text = f"captcha: {setting.kind} could not say whether a person sent this{why}"
        yield Verdict.QUARANTINE, Because(text, setting.place), Cause("CAPTCHA_DOWN")
    elif verdict == DOWN:
        text = f"captcha: {setting.kind} could not say whether a person sent this{why}; it is let in"
        yield Verdict.GO, Because(text, setting.place), Cause("CAPTCHA_DOWN")
    else:
        yield (
            Verdict.GO,
            Because(f"captcha: {setting.kind} says that a person sent this{why}", setting.place),
            WAITS,
        )
