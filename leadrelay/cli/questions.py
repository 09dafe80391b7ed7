"""What `leadrelay status` says of the questions that wait for a person, and where they are answered."""

from __future__ import annotations

from leadrelay.cli.common import counted, say
from sync.questions import Questions


def print_questions(found: Questions) -> None:
    """Say what waits and which command shows and answers it; nothing where nothing does."""
    if found.choices:
        waits = "waits" if found.choices == 1 else "wait"
        say(f"{counted(found.choices, 'field')} {waits} for a choice between two values: leadrelay conflicts")
    if found.reviews:
        waits = "waits" if found.reviews == 1 else "wait"
        say(f"{counted(found.reviews, 'review')} {waits} for a word: leadrelay reviews")
    if found.deals:
        may_be = "may be a deal" if found.deals == 1 else "may be deals"
        say(f"{counted(found.deals, 'record')} {may_be} known here: leadrelay same-deals")
    if found.pairs:
        may_be = "of leads may be" if found.pairs == 1 else "of leads may each be"
        say(f"{counted(found.pairs, 'pair')} {may_be} one person: leadrelay match review")
    if found.accounts:
        may = "may belong" if found.accounts == 1 else "may each belong"
        say(f"{counted(found.accounts, 'lead')} {may} to an account: leadrelay match accounts")
    if found.borderline:
        waits = "waits" if found.borderline == 1 else "wait"
        whose = counted(found.borderline, "lead")
        say(f"{whose} {waits} to be approved or disqualified: leadrelay review list")
    for name, count in found.deletions.items():
        is_or_are = "is" if count == 1 else "are"
        say(f"{counted(count, 'deletion')} in {name} {is_or_are} held back: leadrelay deletions")
