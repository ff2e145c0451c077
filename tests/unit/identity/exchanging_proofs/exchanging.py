"""Exchanging assertions and ID tokens for credentials: providers, roles, holders."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.access.models import Grant
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.proofs import (
    ProofRefusedError,
    SamlProof,
    TokenProof,
)
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.identity.operations.exchange_proof import exchange_proof
from tests.fakes import FakeAws
from tests.statements import statements

Make = Callable[..., Any]


def exchange(
    role: AwsRole | str, proof: SamlProof | TokenProof, aws: FakeAws, **more: Any
) -> FetchedCredentials:
    ref = role if isinstance(role, str) else role.arn
    told = {"ip": "192.0.2.9", "user_agent": "an app", **more}
    return exchange_proof(role_ref=ref, proof=proof, aws=aws.ports(), **told)


def refused(
    role: AwsRole | str,
    proof: SamlProof | TokenProof,
    aws: FakeAws,
    told: str = str(ProofRefusedError("anything")),
    **more: Any,
) -> str:
    """Return the reason in the trail; whoever asked hears nothing of it, and AWS is not asked."""
    asked = len([call for call in aws.calls if "with" in call[0] or "cognito" in call[0]])
    with pytest.raises(ProofRefusedError) as refusal:
        exchange(role, proof, aws, **more)
    assert str(refusal.value).startswith(told)
    assert len([call for call in aws.calls if "with" in call[0] or "cognito" in call[0]]) == asked
    event = AuditEvent.objects.filter(type="access.proof.refused").latest("id")
    assert (event.outcome, event.ip) == ("refused", "192.0.2.9")
    reason: str = event.details["reason"]
    return reason


def issue(grant: Grant, aws: FakeAws, actor_of: Make, proof: Any) -> Any:
    return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person), proof=proof)


def cost(role: AwsRole, proof: SamlProof | TokenProof, aws: FakeAws) -> tuple[str, int]:
    """Return why it was refused, and how many statements the database was sent."""
    with statements() as told:
        reason = refused(role, proof, aws)
    return reason, len(told)
