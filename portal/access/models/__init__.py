"""Who may have what until when, what was issued under it, and the work of ending it."""

from portal.access.models.cross_account import ExternalId, ExternalIdProof, PartnerRole, RoleDrift
from portal.access.models.grant import Grant
from portal.access.models.operating import Alarm, Hold, Reconciliation, Sweep
from portal.access.models.revocation import DenyDocument, KeptDeny, Revocation
from portal.access.models.session import AwsSession, ConsoleLink

__all__ = [
    "Alarm",
    "AwsSession",
    "ConsoleLink",
    "DenyDocument",
    "ExternalId",
    "ExternalIdProof",
    "Grant",
    "Hold",
    "KeptDeny",
    "PartnerRole",
    "Reconciliation",
    "Revocation",
    "RoleDrift",
    "Sweep",
]
