"""follow_up.yaml and notifications.yaml"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mappings.schema.words import Condition, Duration, Name, Names, Strict, Text


class TaskRuleMap(Strict):
    """The task that an owner gets with a lead."""

    name: Text = Field(description="What the rule is called; explain shows it.")
    when: Condition | None = Field(None, description="Which leads; left out: every lead.")
    subject: Text = Field(description="One line, with placeholders: Call {name} ({company|no company}).")
    body: Names = Field(
        default_factory=list,
        description="Lines with placeholders. A line whose placeholders are all blank is left out; "
        "{because} stands alone on its line.",
    )
    due_in: Duration = Field("4h", description="When it is due, in wall time from the assignment: 4h, 1d.")
    priority: Literal["low", "normal", "high"] = Field("normal", description="How urgent it is.")
    type: Literal["todo", "call", "email"] = Field("todo", description="What is to be done.")
    connections: Names = Field(
        default_factory=list, description="In which CRMs; left out: all whose map has tasks."
    )


class FollowUpFile(Strict):
    """The task that the owner of a lead gets with it, in the CRM."""

    tasks: list[TaskRuleMap] = Field(
        default_factory=list, description="On an assignment, the first whose `when` holds makes the task."
    )


class ChannelMap(Strict):
    """A way to people. Its address and secrets come from the environment: LEADRELAY_<NAME>_…"""

    kind: Literal["slack", "teams", "mail"] = Field(description="What it is.")
    channel: str = Field("", description='Slack with a bot\'s token: where it posts, "#leads" or an id.')
    to: Names = Field(default_factory=list, description="mail: the addresses.")
    promise: Literal["at_most_once", "at_least_once"] = Field(
        "at_most_once",
        description="A message whose answer was lost: at_most_once marks it unknown, at_least_once sends it "
        "again, and somebody may read it twice.",
    )


class NotifyRuleMap(Strict):
    """A message, once for each cause."""

    name: Text = Field(description="What the rule is called; explain shows it.")
    on: Literal["assignment", "stage", "post"] = Field(
        "assignment",
        description="assignment: a rule gave it an owner. stage: it entered a stage. post: it came in.",
    )
    when: Condition | None = Field(None, description="Which leads; left out: every lead.")
    channel: Text = Field(description="One of the channels above.")
    title: Text = Field(description="One line with placeholders; the subject of a mail.")
    text: Names = Field(
        default_factory=list,
        description="Lines with placeholders. A line whose placeholders are all blank is left out; "
        "{because} stands alone on its line, {links} leads to the CRM records.",
    )
    to: Literal["channel", "owner"] = Field("channel", description="mail: owner writes to the lead's owner.")


class NotificationsFile(Strict):
    """Who is told what, and where."""

    channels: dict[Name, ChannelMap] = Field(default_factory=dict, description="Name: what it is.")
    rules: list[NotifyRuleMap] = Field(default_factory=list, description="Every rule that fits sends.")
    wait_for_links: Duration = Field(
        "60s", description="How long a message waits for the CRM records that it links to."
    )
