"""The doctor: from facts about a call that failed to the step that stopped it. Pure: no database, no call to AWS."""

from portal.access.doctor.facts import (
    AwsFacts,
    DenyKind,
    DoctorStep,
    Facts,
    GrantFacts,
    KnownExternalId,
    PartnerFacts,
    RoleFacts,
    ScopeFacts,
    Told,
    Verdict,
)
from portal.access.doctor.walk import sentence, stopped_by, unknown_role, walk

__all__ = [
    "AwsFacts",
    "DenyKind",
    "DoctorStep",
    "Facts",
    "GrantFacts",
    "KnownExternalId",
    "PartnerFacts",
    "RoleFacts",
    "ScopeFacts",
    "Told",
    "Verdict",
    "sentence",
    "stopped_by",
    "unknown_role",
    "walk",
]
