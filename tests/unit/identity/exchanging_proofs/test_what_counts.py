"""A proof that counts gets its person credentials, once or until it is over."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from portal.access.models import AwsSession, Grant, UsedProof
from portal.access.operations.running.tidy import tidy_access
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import IdentityProvider
from tests.fakes import SECRET, FakeAws
from tests.oidc_forge import Forge
from tests.proof_world import (
    assertion,
    cognito_role,
    id_token,
)
from tests.saml_forge.aws import says
from tests.unit.identity.exchanging_proofs.exchanging import Make, exchange, refused

pytestmark = pytest.mark.django_db


def test_an_assertion_gets_its_person_credentials(
    holder: Callable[..., Grant], by_assertion: AwsRole, aws: FakeAws
) -> None:
    grant = holder(by_assertion)
    proof = assertion(by_assertion, "ben", alter=says("SourceIdentity", "ben-here"))
    got = exchange(by_assertion, proof, aws)
    assert (got.grant.pk, got.credentials.secret_access_key) == (grant.pk, SECRET)
    call = aws.asked("assume_role_with_saml")[0]
    assert (call.role_arn, call.provider_arn, call.ends_at) == (
        by_assertion.arn,
        by_assertion.provider_arn,
        grant.ends_at,
    )
    assert (call.session_name, call.assertion) == ("ben@example.test", proof.assertion)
    session = AwsSession.objects.get()
    assert (session.call, session.session_name, session.source_identity, session.ip) == (
        "AssumeRoleWithSAML",
        "ben@example.test",
        "ben-here",
        "192.0.2.9",
    )
    issued = AuditEvent.objects.get(type="access.session.issued")
    assert issued.person_id == grant.person_id
    assert "AssumeRoleWithSAML" in issued.actor_label
    everything = str(list(AuditEvent.objects.values())) + str(list(AwsSession.objects.values()))
    assert proof.assertion not in everything
    assert proof.assertion not in repr(proof)


@pytest.mark.parametrize("by", ["arn", "id"])
def test_a_token_gets_its_person_credentials_until_it_is_over(
    holder: Callable[..., Grant], by_token: AwsRole, aws: FakeAws, forge: Forge, by: str
) -> None:
    holder(by_token)
    proof = id_token(forge, "ben-1")
    ref = by_token.arn if by == "arn" else str(by_token.pk)
    first, second = exchange(ref, proof, aws), exchange(ref, proof, aws)
    assert (first.was_cached, second.was_cached) == (False, True)
    [call] = aws.asked("assume_role_with_web_identity")
    assert call.token == proof.id_token
    assert not UsedProof.objects.exists()


def test_a_token_for_a_pool_is_cognitos(
    holder: Callable[..., Grant], make_role: Make, oidc: IdentityProvider, aws: FakeAws, forge: Forge
) -> None:
    role = cognito_role(make_role, oidc)
    holder(role, seconds=7200)
    proof = id_token(forge, "ben-1")
    exchange(role, proof, aws, method=AwsRole.Method.COGNITO)
    [call] = aws.asked("get_cognito_credentials")
    assert call.logins == {"tokens.example.test": proof.id_token}
    assert AwsSession.objects.get().userid.startswith("sub=eu-central-1:")
    assert refused(role, proof, aws, method=AwsRole.Method.WEB_IDENTITY) == "no_such_role"


def test_an_assertion_counts_once(holder: Callable[..., Grant], by_assertion: AwsRole, aws: FakeAws) -> None:
    holder(by_assertion)
    proof = assertion(by_assertion, "ben")
    exchange(by_assertion, proof, aws)
    assert refused(by_assertion, proof, aws) == "used_before"
    exchange(by_assertion, assertion(by_assertion, "ben"), aws)


def test_an_assertion_is_remembered_until_it_could_not_count_again(
    holder: Callable[..., Grant], by_assertion: AwsRole, aws: FakeAws
) -> None:
    holder(by_assertion)
    exchange(by_assertion, assertion(by_assertion, "ben"), aws)
    over = UsedProof.objects.get().over_at
    tidy_access(at=over)
    assert UsedProof.objects.exists()
    tidy_access(at=over + timedelta(hours=2))
    assert not UsedProof.objects.exists()


def test_it_does_not_count_where_nobody_got_in_by_it(
    holder: Callable[..., Grant], by_assertion: AwsRole, aws: FakeAws
) -> None:
    proof = assertion(by_assertion, "ben")
    assert refused(by_assertion, proof, aws) == "unknown_identity"
    holder(by_assertion)
    exchange(by_assertion, proof, aws)
