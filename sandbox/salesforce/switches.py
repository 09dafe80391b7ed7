"""What differs from org to org, or what nobody could tell for sure: fault keys of Salesforce's own."""

from __future__ import annotations

# The choices of each key, the default first.
SWITCHES: dict[str, tuple[str, ...]] = {
    "assignment_on_update": ("on", "off"),  # whether an update without Sforce-Auto-Assign runs the rule
    "bad_field_fails": ("item", "call"),  # what an unknown field or a wrong JSON type costs a collection
    "duplicate_names_id_of": ("18", "15"),  # characters of the id in DUPLICATE_VALUE; both are seen
    "consent_fields": ("shown", "hidden"),  # hidden as field-level security does: they do not exist
    "new_fields": ("hidden", "shown"),  # what a field made by API is to the API user until it is granted
    "own_fields": ("there", "none"),  # whether an admin has made leadrelay's fields already
    "lead_status": ("open", "restricted"),  # whether the picklist refuses values it does not list
    "bulk_pace": ("at_once", "by_clock"),  # by_clock: 5 s queued, 10 s at work
    "duplicate_rules": ("off", "alert", "block"),  # what happens to a person whose address is known
    "convert_custom_fields": ("unmapped", "mapped"),  # whether a conversion copies those of equal names
    "refresh_rotation": ("off", "on"),  # whether a refresh answers a new refresh token and ends the old
    "refresh_idle_limit": ("off", "30_days"),  # whether a refresh token unused for so long expires
}
