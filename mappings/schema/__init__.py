"""What the playbook's files may say: one pydantic model a file kind, also the source of the JSON Schemas.

The models know one file each. What holds between files (names that must exist, sums, cycles) is
checked by ``compile``.
"""

from mappings.schema.accounts import AccountsFile
from mappings.schema.consent import ConfirmPageMap, ConsentFile
from mappings.schema.converting import NEEDED, OPTIONS
from mappings.schema.crms import (
    Authority,
    BreakerMap,
    CrmFieldMap,
    CrmFile,
    DeleteBrakeMap,
    LimitsMap,
    ObjectFile,
    PollMap,
    ReconcileMap,
    TasksMap,
)
from mappings.schema.deals import DealsFile, DealStageMap
from mappings.schema.enrichment import EnrichmentFile, ProviderMap
from mappings.schema.examples import ExampleMap, ExamplesFile, ExpectMap, PostMap
from mappings.schema.fields import ExtraField, FieldsFile
from mappings.schema.icp import IcpCriterionMap, IcpFile
from mappings.schema.kinds import KINDS, json_schemas, settings_of
from mappings.schema.lifecycle import (
    AlternativeMap,
    CriterionMap,
    GateMap,
    LifecycleFile,
    MoveMap,
    StageMap,
    StageRuleMap,
)
from mappings.schema.matching import LevelWeight, MatchingFile, MatchWeightsFile, SameLimits
from mappings.schema.messages import ChannelMap, FollowUpFile, NotificationsFile, NotifyRuleMap, TaskRuleMap
from mappings.schema.pipeline import AttributionMap, PipelineFile
from mappings.schema.privacy import PrivacyFile
from mappings.schema.retention import FOREVER, RetentionFile, Term
from mappings.schema.routing import CalendarMap, MemberMap, PersonMap, PoolMap, RoutingFile, TerritoryMap
from mappings.schema.scoring import DecayMap, GroupMap, LinearMap, ScoreRuleMap, ScoringFile
from mappings.schema.screening import ScreeningFile
from mappings.schema.sources import (
    ActivityMap,
    AnyOf,
    Auth,
    CaptchaMap,
    CaseMap,
    EventId,
    FieldMap,
    SourceFile,
    TouchMap,
)
from mappings.schema.words import (
    FIELD_NAME,
    LONGEST_NAME,
    NAME,
    REGION,
    Condition,
    Duration,
    Label,
    Name,
    Names,
    Scalar,
    Strict,
    Text,
)

__all__ = [
    "FIELD_NAME",
    "FOREVER",
    "KINDS",
    "LONGEST_NAME",
    "NAME",
    "NEEDED",
    "OPTIONS",
    "REGION",
    "AccountsFile",
    "ActivityMap",
    "AlternativeMap",
    "AnyOf",
    "AttributionMap",
    "Auth",
    "Authority",
    "BreakerMap",
    "CalendarMap",
    "CaptchaMap",
    "CaseMap",
    "ChannelMap",
    "Condition",
    "ConfirmPageMap",
    "ConsentFile",
    "CriterionMap",
    "CrmFieldMap",
    "CrmFile",
    "DealStageMap",
    "DealsFile",
    "DecayMap",
    "DeleteBrakeMap",
    "Duration",
    "EnrichmentFile",
    "EventId",
    "ExampleMap",
    "ExamplesFile",
    "ExpectMap",
    "ExtraField",
    "FieldMap",
    "FieldsFile",
    "FollowUpFile",
    "GateMap",
    "GroupMap",
    "IcpCriterionMap",
    "IcpFile",
    "Label",
    "LevelWeight",
    "LifecycleFile",
    "LimitsMap",
    "LinearMap",
    "MatchWeightsFile",
    "MatchingFile",
    "MemberMap",
    "MoveMap",
    "Name",
    "Names",
    "NotificationsFile",
    "NotifyRuleMap",
    "ObjectFile",
    "PersonMap",
    "PipelineFile",
    "PollMap",
    "PoolMap",
    "PostMap",
    "PrivacyFile",
    "ProviderMap",
    "ReconcileMap",
    "RetentionFile",
    "RoutingFile",
    "SameLimits",
    "Scalar",
    "ScoreRuleMap",
    "ScoringFile",
    "ScreeningFile",
    "SourceFile",
    "StageMap",
    "StageRuleMap",
    "Strict",
    "TaskRuleMap",
    "TasksMap",
    "Term",
    "TerritoryMap",
    "Text",
    "TouchMap",
    "json_schemas",
    "settings_of",
]
