"""What to do about a failure, in words for whoever runs leadrelay: one line for each code that is known.

The codes are the vendors' own (HubSpot "Error handling", Salesforce "Core data types: API exceptions") and
those that leadrelay gives (``model.cause``, the handlers ``screen`` and ``identify``). ``{field}`` is the
field that is blamed. docs/dead-letters.md repeats the table.
"""

from __future__ import annotations

from collections.abc import Mapping

from model.cause import Cause

IN_THE_CRM = (
    "Add the value to the field's options in the CRM, or map it to one that is there (`values` in crm/)"
)
WRONG_ADDRESS = "Correct the address in the lead's next post, or in the CRM; then send it again."
TOO_LONG = "Give the line of crm/ a `max_length`, or make the field longer in the CRM; then send it again."
PERMISSION = "Give the connected app or user the right to {field}, then send it again."

ADVICE: Mapping[str, str] = {
    # HubSpot
    "INVALID_OPTION": f"{IN_THE_CRM}; then send it again.",
    "INVALID_EMAIL": WRONG_ADDRESS,
    "PROPERTY_DOESNT_EXIST": (
        "Make {field} in HubSpot (`leadrelay go-live` makes leadrelay's own), or take its line out of"
        " crm/; then send it again."
    ),
    "INVALID_INTEGER": "No whole number was sent: map {field} from another lead field, or change its type.",
    "INVALID_LONG": "No whole number was sent: map {field} from another lead field, or change its type.",
    "READ_ONLY_VALUE": "HubSpot sets {field} by itself: take its line out of crm/, then send it again.",
    "CONFLICT": (
        "Another record has this value, which is kept unique: merge the two in the CRM, then send it again."
    ),
    "MISSING_SCOPES": PERMISSION,
    "OBJECT_NOT_FOUND": "What it refers to is gone in the CRM: look at the record, then send it again.",
    "VALIDATION_ERROR": "The CRM's words say which value it does not take: correct it, then send it again.",
    # Salesforce
    "INVALID_EMAIL_ADDRESS": WRONG_ADDRESS,
    "STRING_TOO_LONG": TOO_LONG,
    "REQUIRED_FIELD_MISSING": (
        "Salesforce requires {field}: map it, or give its line in crm/ a `default`; then send it again."
    ),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": f"{IN_THE_CRM}; then send it again.",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (
        "A validation rule of your Salesforce refuses it: satisfy the rule, or except the integration"
        " user from it; then send it again."
    ),
    "FIELD_INTEGRITY_EXCEPTION": "What {field} refers to does not fit: look at the record.",
    "DUPLICATES_DETECTED": (
        "A duplicate rule blocks it and names no record leadrelay can see: merge the two, or let the "
        "rule allow the integration user."
    ),
    "DUPLICATE_VALUE": "Another record has this value, which is unique: merge the two, then send it again.",
    "INVALID_FIELD": (
        "Make {field} in Salesforce and let the integration user see it, or take its line out of crm/."
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": PERMISSION,
    "INSUFFICIENT_ACCESS_OR_READONLY": PERMISSION,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": PERMISSION,
    "INVALID_CROSS_REFERENCE_KEY": "What {field} refers to is gone, or may not be seen: look at the record.",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": (
        "A trigger or flow of your Salesforce failed: its owner finds it by the words; then send it again."
    ),
    "MERGE_FAILED": (
        "Salesforce does not merge the two: look at both there and merge them by hand, which settles it."
    ),
    "INACTIVE_OWNER_OR_USER": "The owner is not active in Salesforce: give the lead another one.",
    # either CRM, said by leadrelay
    "GONE": (
        "The record was deleted or merged into another by somebody. Restore it, or leave it: a new "
        "post of the person looks them up anew."
    ),
    "GIVEN_UP": "It was tried for a day. Look at the connection on its page; when it is well, send it again.",
    "NEEDS_RECORD": "The record it waits for is a dead letter itself: mend that one, then send both again.",
    "IN_REVIEW": (
        "The record it needs is held by another lead or account: a review says which; decide that first."
    ),
    "SEVERAL_FOUND": (
        "Give the one that it is the deal's close date, or the others another name; then send it again."
    ),
    "LINKED_ELSEWHERE": "The new record is another lead's already: merge the two records in the CRM.",
    "NOT_THERE": "What it was about is not there any more: nothing is to be done.",
    "LEFT_OUT": "The map of this CRM has no such object: add it to crm/, or leave it.",
    "BAD_ID": (
        "leadrelay does not know the record's id as the vendor writes it: look the record up in the CRM."
    ),
    "REJECTED": "The words say why: mend that, then send it again.",
    # messages
    "NO_RECIPIENT": "Name a recipient for the channel in notifications.yaml, then send it again.",
    "BAD_ADDRESS": "Correct the recipients' addresses: ASCII, domains as xn--…; then send it again.",
    "msg_too_long": "Shorten the words of the rule in notifications.yaml, then send it again.",
    # events set aside
    "BAD_VALUE": (
        "What was sent as {field} is none: open it, correct the field, and send it again; if there "
        "are many, mend the form or the line of sources/."
    ),
    "FIELD_MISSING": "{field} is required and missing: open it and add it, or change `required` in sources/.",
    "NO_KEY": "There is neither e-mail nor phone: open it and add one.",
    "HONEYPOT": "A field that people do not see was filled in: release it if a person did.",
    "FILL_TIME": "The form was filled in faster than people do: release it if a person did.",
    "CAPTCHA": "The captcha was not passed: release it if a person sent it.",
    "CAPTCHA_DOWN": "Nobody could say whether a person sent it: look at it, and send it again if so.",
    "LEAD_NOT_READ": "The vendor did not give the lead: mend what it says (mostly the token), send it again.",
    "LEAD_WAITS": "The lead is being read; if that lasts, `leadrelay status` shows the vendor as a provider.",
    "CAPTCHA_WAITS": "The captcha is being checked; if that lasts, `leadrelay status` shows the provider.",
    "BLOCKED_DOMAIN": "The domain is on the list in screening.yaml: release it, or take the domain off.",
    "THROWAWAY_DOMAIN": "The address is of a throw-away service: release it, or allow it in screening.yaml.",
    "PHONE_ALONE": "Open it and say whose it is: a known lead's, or a new one's.",
    "ROLE_ADDRESS": "Several people may read this address: open it and say whose it is.",
    "DIFFERENT_LEADS": "Its keys are of different leads: open it and say which lead it is of.",
    "SAME_RECORD": "Two leads have the same record in the CRM: say which one it is, or merge them.",
    "SAME_COMPANY": "Two domains have the same company in the CRM: name one as an alias in accounts.yaml.",
    "NO_SOURCE": "The playbook has lost this source: put its file back into sources/, then send them again.",
    "NOT_SAVED": "The database does not take what was decided: the error says why; report it if it is ours.",
}
BY_SHAPE = (  # how a code begins, where the rest is a number
    ("HTTP_", "The channel answered with an error: look at its address and rights, then send it again."),
    ("SMTP_", "The mail server refused it: its words say why; correct the address, then send it again."),
)
OF_OUR_RULES = "Our own rules failed on it: mend the playbook or report the error, then send them again."
OTHERWISE = "The words say why: mend that, then send it again."


def on(cause: Cause, shelf: str = "") -> str:
    """Return what to do about a cause; ``shelf`` is where the letter lies (``sync.replays.letters``)."""
    known = ADVICE.get(cause.code)
    if known is None:
        known = next((text for begins, text in BY_SHAPE if cause.code.startswith(begins)), None)
    if known is None:
        known = OF_OUR_RULES if shelf == "dead" else OTHERWISE
    return known.replace("{field}", cause.field or "the field")
