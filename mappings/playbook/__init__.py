"""The playbook as the rest of the house sees it: checked, compiled, immutable."""

from mappings.playbook.accounts import Accounts
from mappings.playbook.condition import Condition
from mappings.playbook.crms import (
    ACCOUNT_OBJECTS,
    ASSOCIATED_OBJECTS,
    DEAL_NEEDS,
    DEAL_OBJECTS,
    ROLES,
    Breaker,
    CrmField,
    CrmMap,
    DeleteBrake,
    Limits,
    ObjectMap,
    Polling,
    Reconciling,
    Role,
    TaskMap,
)
from mappings.playbook.deals import Deals, DealStage
from mappings.playbook.lifecycle import CLOSED_STAGE, TOP_STAGE, Lifecycle, Stage, StageRule
from mappings.playbook.matching import LevelShares, Matching, Weights
from mappings.playbook.messages import ChannelRule, FollowUp, FollowUpRule, Notifications, NotifyRule
from mappings.playbook.routing import Absence, IfNobody, Member, Person, Pool, Routing, Share, Territory
from mappings.playbook.scoring import Decay, Expiry, HalfLife, Linear, ScoreGroup, ScoreRule, Scoring
from mappings.playbook.screening import Screening
from mappings.playbook.sources import ActivityRule, FieldRule, Required, Source, SourceAuth, Step, Table
from mappings.playbook.whole import Playbook

__all__ = [
    "ACCOUNT_OBJECTS",
    "ASSOCIATED_OBJECTS",
    "CLOSED_STAGE",
    "DEAL_NEEDS",
    "DEAL_OBJECTS",
    "ROLES",
    "TOP_STAGE",
    "Absence",
    "Accounts",
    "ActivityRule",
    "Breaker",
    "ChannelRule",
    "Condition",
    "CrmField",
    "CrmMap",
    "DealStage",
    "Deals",
    "Decay",
    "DeleteBrake",
    "Expiry",
    "FieldRule",
    "FollowUp",
    "FollowUpRule",
    "HalfLife",
    "IfNobody",
    "LevelShares",
    "Lifecycle",
    "Limits",
    "Linear",
    "Matching",
    "Member",
    "Notifications",
    "NotifyRule",
    "ObjectMap",
    "Person",
    "Playbook",
    "Polling",
    "Pool",
    "Reconciling",
    "Required",
    "Role",
    "Routing",
    "ScoreGroup",
    "ScoreRule",
    "Scoring",
    "Screening",
    "Share",
    "Source",
    "SourceAuth",
    "Stage",
    "StageRule",
    "Step",
    "Table",
    "TaskMap",
    "Territory",
    "Weights",
]
