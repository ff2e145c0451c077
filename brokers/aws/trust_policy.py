"""The trust policy of a partner's role: who may come in, with which ExternalId, from when until when.

AWS itself keeps all of it, with the portal gone: the principal is exactly the partner's account or one role or user
of it, the ExternalId stops the confused deputy, and the window is that of the grant. While an ExternalId is being
rotated there is one statement for each that is accepted; the old one's ends by itself.
Source: IAM User Guide, "Access to AWS accounts owned by third parties", "AWS JSON policy elements: Principal".
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from brokers.aws import limits, limits_iam
from brokers.aws.revocation import whole_second
from brokers.aws.session_policy import VERSION, end_in_policy
from brokers.errors import NotPossible
from brokers.types import AcceptedExternalId

_SID_CLOSED = "SallyportClosed"
# The Deny speaks of what no Allow is left for: it says in AWS's own console that the door was closed on purpose.
CLOSED: Mapping[str, Any] = {
    "Version": VERSION,
    "Statement": [
        {"Sid": _SID_CLOSED, "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    ],
}


def trust_policy(
    principal_arn: str,
    external_ids: Sequence[AcceptedExternalId],
    *,
    starts_at: datetime,
    ends_at: datetime,
) -> Mapping[str, Any]:
    """Return the trust policy. One for the same facts, whatever the order of `external_ids`.

    What is accepted only until the window begins is left out. Does *not* check the principal.

    Raises:
        LimitExceeded: something that is no ExternalId.
        NotPossible: no ExternalId would let anybody in, or one is there twice; an empty window; no time zone.
    """
    first, last = start_in_policy(starts_at), end_in_policy(ends_at)
    if first >= last:
        raise NotPossible(f"The window is empty: it begins at {first} and ends at {last}.")
    accepted = [(each, _end(each, ends_at)) for each in _in_order(external_ids)]
    listed = [(each.value, end) for each, end in accepted if end > first]
    if not listed:
        raise NotPossible("A partner's role accepts at least one ExternalId within its window.")
    statements = [
        _allow(number, principal_arn, value, first, end) for number, (value, end) in enumerate(listed, 1)
    ]
    return {"Version": VERSION, "Statement": statements}


def start_in_policy(starts_at: datetime) -> str:
    """Return the start as policies have it: UTC with a Z, in whole seconds, rounded up: nobody is early."""
    if starts_at.tzinfo is None:
        raise NotPossible("The grant's start has no time zone, so AWS couldn't be told when it is.")
    return end_in_policy(whole_second(starts_at))


def document_of(policy: Mapping[str, Any]) -> str:
    """Return a policy as it is sent: compact JSON in ASCII."""
    return json.dumps(policy, separators=(",", ":"))


def check_trust_size(policy: Mapping[str, Any]) -> None:
    """Raise LimitExceeded over 2,048 characters."""
    limits_iam.trust_policy(document_of(policy))


def _in_order(external_ids: Sequence[AcceptedExternalId]) -> Sequence[AcceptedExternalId]:
    for each in external_ids:
        limits.external_id(each.value)
    values = [each.value for each in external_ids]
    if len(set(values)) != len(values):
        raise NotPossible("An ExternalId is accepted once, with one end.")
    return sorted(external_ids, key=lambda each: (each.until is not None, each.value))


def _end(accepted: AcceptedExternalId, ends_at: datetime) -> str:
    # Both are of one length and form, so that their order is that of time.
    end = end_in_policy(ends_at)
    return end if accepted.until is None else min(end, end_in_policy(accepted.until))


def _allow(number: int, principal_arn: str, external_id: str, first: str, end: str) -> Mapping[str, Any]:
    return {
        "Sid": f"SallyportPartner{number}",
        "Effect": "Allow",
        "Principal": {"AWS": principal_arn},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": external_id},
            "DateGreaterThanEquals": {"aws:CurrentTime": first},
            "DateLessThan": {"aws:CurrentTime": end},
        },
    }
