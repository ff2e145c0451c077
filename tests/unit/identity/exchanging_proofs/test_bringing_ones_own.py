"""Somebody who is signed in brings a proof of their own along."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, Grant, UsedProof
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.proofs import (
    MfaProof,
    ProofNeededError,
    ProofRefusedError,
    TokenProof,
    VerifiedProof,
)
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.errors import ConflictError, InvalidError
from tests.fakes import FakeAws
from tests.oidc_forge import Forge
from tests.proof_world import (
    PERSISTENT,
    assertion,
    id_token,
    known_as,
)
from tests.unit.identity.exchanging_proofs.exchanging import Make, exchange, issue

pytestmark = pytest.mark.django_db


def test_a_signed_in_person_brings_their_own(  # noqa: PLR0917  # fixtures
    holder: Callable[..., Grant],
    by_assertion: AwsRole,
    aws: FakeAws,
    actor_of: Make,
    saml: Any,
    mallory: Person,
) -> None:
    grant = holder(by_assertion)
    known_as(mallory, saml, "mallory")
    with pytest.raises(ProofRefusedError) as refusal:
        issue(grant, aws, actor_of, assertion(by_assertion, "mallory"))
    assert refusal.value.reason == "somebody_elses"
    with pytest.raises(ProofNeededError) as needed:
        issue(grant, aws, actor_of, None)
    assert (needed.value.code, needed.value.field) == ("proof_needed", "assertion")
    with pytest.raises(ProofNeededError):
        issue(grant, aws, actor_of, MfaProof("123456"))
    assert not AwsSession.objects.exists()
    own = assertion(by_assertion, "ben")
    issue(grant, aws, actor_of, own)
    with pytest.raises(ProofRefusedError) as again:
        issue(grant, aws, actor_of, own)
    assert again.value.reason == "used_before"
    assert "used already" in str(again.value)
    assert len(aws.asked("assume_role_with_saml")) == 1


def test_what_was_verified_before_must_still_be_the_roles_and_its_persons(  # noqa: PLR0917  # fixtures
    holder: Callable[..., Grant], by_token: AwsRole, aws: FakeAws, actor_of: Make, saml: Any, oidc: Any
) -> None:
    grant = holder(by_token)
    good = VerifiedProof(
        proof=TokenProof("a.b.c"),
        provider_id=oidc.pk,
        subject="ben-1",
        subject_format="",
        over_at=datetime.now(UTC) + timedelta(minutes=5),
    )
    reasons = {
        "other_provider": replace(good, provider_id=saml.pk, subject="ben", subject_format=PERSISTENT),
        "somebody_elses": replace(good, subject="mallory-1"),
        "expired": replace(good, over_at=datetime.now(UTC) - timedelta(seconds=1)),
    }
    for reason, proof in reasons.items():
        with pytest.raises(ProofRefusedError) as refusal:
            issue(grant, aws, actor_of, proof)
        assert refusal.value.reason == reason
    issue(grant, aws, actor_of, good)


def test_what_needs_nothing_is_told_to_leave_it_out(
    make_grant: Make, aws: FakeAws, actor_of: Make, forge: Forge
) -> None:
    grant = make_grant()
    with pytest.raises(InvalidError, match="leave it out") as refusal:
        issue(grant, aws, actor_of, id_token(forge, "ben-1"))
    assert refusal.value.field == "id_token"
    issue(grant, aws, actor_of, None)


def test_anothers_grant_is_not_there_whatever_is_brought_along(
    holder: Callable[..., Grant], by_assertion: AwsRole, aws: FakeAws, actor_of: Make, mallory: Person
) -> None:
    grant = holder(by_assertion)
    proof = assertion(by_assertion, "ben")
    with pytest.raises(Exception, match="no such grant"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(mallory), proof=proof)
    assert not UsedProof.objects.exists()
    issue(grant, aws, actor_of, proof)


def test_two_people_of_one_session_name_are_kept_apart(  # noqa: PLR0917  # fixtures
    holder: Callable[..., Grant],
    by_assertion: AwsRole,
    aws: FakeAws,
    make_grant: Make,
    mallory: Person,
    saml: Any,
) -> None:
    holder(by_assertion)
    known_as(mallory, saml, "mallory")
    make_grant(mallory, role=by_assertion)
    exchange(by_assertion, assertion(by_assertion, "ben", session_name="shared"), aws)
    with pytest.raises(ConflictError, match="somebody else"):
        exchange(by_assertion, assertion(by_assertion, "mallory", session_name="shared"), aws)
    exchange(by_assertion, assertion(by_assertion, "mallory", session_name="mallory"), aws)
