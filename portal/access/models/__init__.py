"""Who may have what until when, what was issued under it, and the work of ending it."""

from portal.access.models.grant import Grant
from portal.access.models.operating import Alarm, Hold, Reconciliation, Sweep
from portal.access.models.revocation import DenyDocument, KeptDeny, Revocation
from portal.access.models.session import AwsSession, ConsoleLink

__all__ = [
    "Alarm",
    "AwsSession",
    "ConsoleLink",
    "DenyDocument",
    "Grant",
    "Hold",
    "KeptDeny",
    "Reconciliation",
    "Revocation",
    "Sweep",
]
