"""consent.yaml"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.schema.words import Duration, Label, Names, Strict, Text

PURPOSE = r"^[a-z][a-z0-9_]{0,19}$"
Basis = Literal["consent", "legitimate_interest", "contract", "legal_obligation"]
Act = Literal["task", "notify", "assign", "sync"]


class TextVersionMap(Strict):
    """The words that people agree to, in one version."""

    version: Label = Field(description="What the version is called; the ledger names it.")
    since: str = Field("", description="From which day on forms show it: 2026-01-31; left out: always.")
    text: Text = Field(description="The words.")


class ConfirmPageMap(Strict):
    """The words of the page behind the link, in the language of those who are asked; English by itself."""

    lang: str | None = Field(
        None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="The language: de."
    )
    button: Text | None = Field(None, description="What the button says.")
    otherwise: Text | None = Field(None, description="Below the button: what if it was not you.")
    done: Text | None = Field(None, description="Once it is confirmed.")
    over: Text | None = Field(None, description="Where the link is good no more.")
    busy: Text | None = Field(None, description="Where it could not be kept just now.")
    footer: Names = Field(
        default_factory=list,
        description="Lines at the end: who asks, and where. A line that is a web address becomes a link.",
    )


class ConfirmMap(Strict):
    """The mail that asks somebody to confirm a yes; the link stands on a line of its own at the end."""

    channel: Text = Field(description="A channel of kind mail of notifications.yaml.")
    subject: Text = Field(description="One line with placeholders.")
    body: Names = Field(description="Lines with placeholders.")
    expires: Duration = Field("7d", description="How long the link is good: 7d.")
    at_most: int = Field(3, ge=1, le=100, description="Mails to one person in 24 hours.")
    page: ConfirmPageMap | None = Field(None, description="The words of the page behind the link.")


class PurposeMap(Strict):
    """What people are asked about; the lead field consent_NAME says yes or no."""

    title: Text = Field(description="What it is called before people.")
    basis: Basis = Field("consent", description="The legal basis; the ledger keeps it with each word.")
    texts: list[TextVersionMap] = Field(
        min_length=1, description="The words in all their versions, the oldest first."
    )
    confirm: ConfirmMap | None = Field(
        None, description="Double opt-in: who says yes on a form is asked by mail to confirm it."
    )


class ConsentGateMap(Strict):
    """What is not done before the person has agreed."""

    act: Act = Field(
        description="task: a task for the owner. assign: an owner is given. sync: a record is made in a CRM. "
        "notify: colleagues are told, which is no contact with the person."
    )
    only: Names = Field(
        default_factory=list,
        description="Of task and notify: names of rules, connections or channels; of sync: connections; "
        "left out: all of that act.",
    )
    regions: Names = Field(
        default_factory=list,
        description="Regions of this file, or elsewhere; left out: everywhere. Whose country is not known is "
        "in all of them.",
    )
    needs: Text = Field(description="The purpose.")
    basis: Literal["consent", "legitimate_interest"] = Field(
        "consent", description="consent: a yes is needed. legitimate_interest: only a no shuts the gate."
    )
    double_opt_in: bool = Field(False, description="The yes must be confirmed from the person's mailbox.")
    since: str = Field("", description="The day from which on it counts: 2026-01-31; left out: always.")


class ConsentFile(Strict):
    """What people agree to, and what is not done without."""

    purposes: dict[Annotated[str, Field(pattern=PURPOSE)], PurposeMap] = Field(
        min_length=1, description="Name: what it is. consent_NAME becomes a lead field."
    )
    regions: dict[Label, list[Text]] = Field(
        default_factory=dict, description="Name: its countries, in two letters."
    )
    gates: list[ConsentGateMap] = Field(default_factory=list, description="All that fit must be open.")
