"""Rules as the site file writes them, a table for each thing that a rule can be about."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from maskwatch.app.site.table import Table, fields_of
from maskwatch.app.site.values import Label, Seconds, Violation
from maskwatch.types import MaskState


class AnyRule(Table):
    """What all rules have."""

    name: Label = Field(description="What alerts call the rule; no two rules share a name.")
    cooldown_camera_s: Seconds = Field(
        default=0.0,
        alias="cooldown_camera",
        description="After an alert, the rule is silent about that camera for so long.",
    )
    cameras: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The cameras that it is about; without it all."
    )
    channels: tuple[str, ...] | None = Field(
        default=None,
        description="The channels that tell it; without it all. An empty list only remembers.",
    )


class ViolationTable(AnyRule):
    """Somebody wears no mask, or wears it wrong."""

    when: Literal["violation"] = Field(description="Somebody wears no mask, or wears it wrong.")
    states: tuple[Violation, ...] = Field(
        default=(MaskState.NO_MASK, MaskState.INCORRECT),
        min_length=1,
        description="Which of the two states count: no_mask, incorrect.",
    )
    lasting_s: Seconds = Field(
        default=5.0,
        alias="lasting",
        description="How long one must be in these states before it tells.",
    )
    cooldown_person_s: Seconds = Field(
        default=600.0,
        alias="cooldown_person",
        description="After an alert, the rule is silent about that person's visit for so long.",
    )


class ComplianceTable(AnyRule):
    """Too few of those who pass wear a mask well."""

    when: Literal["compliance"] = Field(description="Too few of those who pass wear a mask well.")
    below: float = Field(
        default=0.9, ge=0.01, le=1, description="It tells when a smaller share of people comply."
    )
    window_s: Seconds = Field(
        default=900.0,
        alias="window",
        ge=1,
        description="Who passed within so long before is counted.",
    )
    at_least: int = Field(
        default=10, ge=1, description="It is silent until so many have passed whose state is known."
    )


class CameraLostTable(AnyRule):
    """A camera sends nothing any more."""

    when: Literal["camera-lost"] = Field(description="A camera sends no picture any more.")
    lasting_s: Seconds = Field(
        default=30.0, alias="lasting", description="How long it must be lost before it tells."
    )


RULE_TABLES: dict[str, type[AnyRule]] = {
    "violation": ViolationTable,
    "compliance": ComplianceTable,
    "camera-lost": CameraLostTable,
}


def kind_of(rule: Any) -> str:
    """What a rule is about; where it does not say so rightly, what its other keys fit best."""
    when = rule.get("when") if isinstance(rule, dict) else getattr(rule, "when", None)
    if isinstance(when, str) and when in RULE_TABLES:
        return when
    keys = set(rule) if isinstance(rule, dict) else set()
    return max(RULE_TABLES, key=lambda kind: len(keys & fields_of(RULE_TABLES[kind]).keys()))


RuleTable = Annotated[
    Annotated[ViolationTable, Tag("violation")]
    | Annotated[ComplianceTable, Tag("compliance")]
    | Annotated[CameraLostTable, Tag("camera-lost")],
    Discriminator(kind_of),
]
