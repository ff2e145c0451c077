"""Who may have what until when, what was issued under it, and the work of ending it."""

from portal.access.models.credentials import (
    CredentialSlot,
    CredentialToken,
    HandOut,
    StsBudget,
    UsedProof,
    UserKey,
)
from portal.access.models.cross_account import ExternalId, ExternalIdProof, PartnerRole, RoleDrift
from portal.access.models.grant import Grant
from portal.access.models.operating import Alarm, Hold, Reconciliation, Sweep
from portal.access.models.revocation import DenyDocument, KeptDeny, Revocation
from portal.access.models.session import AwsSession, ConsoleLink

__all__ = [
    "Alarm",
    "AwsSession",
    "ConsoleLink",
    "CredentialSlot",
    "CredentialToken",
    "DenyDocument",
    "ExternalId",
    "ExternalIdProof",
    "Grant",
    "HandOut",
    "Hold",
    "KeptDeny",
    "PartnerRole",
    "Reconciliation",
    "Revocation",
    "RoleDrift",
    "StsBudget",
    "Sweep",
    "UsedProof",
    "UserKey",
]
