"""Roles that take somebody's own proof along: what it brought is kept for the grant, and a refused one is not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from brokers.errors import AwsRefused
from portal.access.models import CredentialSlot, Grant, UserKey
from portal.access.operations.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.revoke_grant import revoke_grant
from portal.access.proofs import MfaProof, ProofNeededError
from portal.kernel.actor import Actor
from portal.kernel.errors import UpstreamError
from portal.kernel.sealing import seal
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
RIGHT, WRONG = MfaProof("123456"), MfaProof("654321")
REFUSED = AwsRefused("sts:GetSessionToken", "AccessDenied", "MultiFactorAuthentication failed")


@pytest.fixture
def grant(make_role: Make, make_grant: Make, ben: Any) -> Grant:
    role = make_role(
        "ben", method="session_token", allows_console=False, max_session_seconds=3600, unique_id="AIDAFAKE"
    )
    UserKey.objects.create(
        role=role,
        person=ben,
        access_key_id="AKIAFAKEFAKEFAKE1",
        secret=seal(b"s" * 40),
        mfa_serial="arn:aws:iam::222222222222:mfa/ben",
        kept_at=timezone.now(),
    )
    made: Grant = make_grant(ben, role=role, seconds=20_000)
    return made


@pytest.fixture
def fetch(grant: Grant, aws: FakeAws, actor_of: Make) -> Callable[..., FetchedCredentials]:
    def fetched(proof: MfaProof | None = None) -> FetchedCredentials:
        return fetch_credentials(
            grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person), door="api", proof=proof
        )

    return fetched


def test_without_a_proof_one_gets_what_a_proof_brought(fetch: Make, aws: FakeAws) -> None:
    with pytest.raises(ProofNeededError) as needed:
        fetch()
    assert needed.value.field == "mfa_code"
    first = fetch(RIGHT)
    assert fetch().credentials == first.credentials
    assert aws.count("get_session_token") == 1


def test_a_refused_proof_is_nobody_elses(fetch: Make, aws: FakeAws) -> None:
    aws.fail["get_session_token"] = REFUSED
    with pytest.raises(UpstreamError):
        fetch(WRONG)
    slot = CredentialSlot.objects.get()
    assert (slot.refused_until, slot.leased_until) == (None, None)
    del aws.fail["get_session_token"]
    assert not fetch(RIGHT).was_cached


def test_what_shares_its_name_goes_with_what_is_cut(
    grant: Grant, fetch: Make, make_grant: Make, aws: FakeAws
) -> None:
    """Sessions of one IAM user are told apart by their time alone: a deny of one reaches those that came before."""
    other = make_grant(grant.person, role=grant.role, seconds=20_000)
    fetch(RIGHT)
    revoke_grant(grant_id=other.pk, reason="test", actor=Actor.command("tests"))
    assert CredentialSlot.objects.get(grant=grant).session_id is None
    with pytest.raises(ProofNeededError):
        fetch()
