"""Outward and back: a lead or account in a vendor's names and values, what differs there, and the way back.

The parts: ``prepared`` (a map's lines), ``drafting``, ``differing`` and ``recorded``.
"""

from mappings.comparing import same
from mappings.differing import Compared, compare, difference, is_by_a_person, is_left_to_people
from mappings.drafting import draft, in_its_currency, sides
from mappings.prepared import Teammates, is_blank_on, read_rules, same_on, unread_rules
from mappings.recorded import inward_record, typed

__all__ = [
    "Compared",
    "Teammates",
    "compare",
    "difference",
    "draft",
    "in_its_currency",
    "inward_record",
    "is_blank_on",
    "is_by_a_person",
    "is_left_to_people",
    "read_rules",
    "same",
    "same_on",
    "sides",
    "typed",
    "unread_rules",
]
