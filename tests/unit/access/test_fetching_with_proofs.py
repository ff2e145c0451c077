"""Roles that take somebody's own proof along: what it brought is kept for the grant, and a refused one is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from brokers.errors import AwsRefused, AwsUnavailable
from portal.access.models import CredentialSlot, Grant, UserKey
from portal.access.operations.credentials import mfa_tries
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.proofs import MfaProof, ProofNeededError
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor
from portal.kernel.errors import TooManyError, UpstreamError
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


@pytest.fixture
def _often(settings: Any) -> None:
    settings.STS_RATE = settings.STS_BURST = 1000


@pytest.mark.usefixtures("_often")
def test_nobody_guesses_the_codes_of_a_device(  # noqa: PLR0917  # fixtures
    fetch: Make, aws: FakeAws, actor_of: Make, mallory: Any, make_grant: Make, grant: Grant
) -> None:
    """With a stolen token and the kept key one would: ten wrong codes are all, and right ones don't count."""
    fetch(RIGHT)
    CredentialSlot.objects.all().delete()
    aws.fail["get_session_token"] = REFUSED
    for _ in range(10):
        with pytest.raises(UpstreamError):
            fetch(WRONG)
    del aws.fail["get_session_token"]
    with pytest.raises(TooManyError) as refused:
        fetch(RIGHT)
    assert refused.value.code == "too_many"
    assert aws.count("get_session_token") == 11
    # Somebody else's tries are their own.
    UserKey.objects.update(person=mallory)
    theirs = make_grant(mallory, role=grant.role, seconds=20_000)
    asked = {"grant_id": theirs.pk, "aws": aws.ports(), "actor": actor_of(mallory), "door": "api"}
    assert not fetch_credentials(**asked, proof=RIGHT).was_cached


@pytest.mark.usefixtures("_often")
def test_nobody_goes_on_guessing_all_day(fetch: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mfa_tries, "CODES_A_DAY", replace(mfa_tries.CODES_A_DAY, most=2))
    fetch(RIGHT)
    CredentialSlot.objects.all().delete()
    aws.fail["get_session_token"] = REFUSED
    for _ in range(2):
        with pytest.raises(UpstreamError):
            fetch(WRONG)
    with pytest.raises(TooManyError):
        fetch(WRONG)
    with pytest.raises(TooManyError):
        fetch(WRONG)
    # Once a period, in the trail.
    refusals = AuditEvent.objects.filter(type="access.session.refused")
    assert [row.details["code"] for row in refusals].count("too_many") == 1


@pytest.mark.usefixtures("_often")
def test_an_aws_that_does_not_answer_is_no_wrong_code(fetch: Make, aws: FakeAws) -> None:
    aws.fail["get_session_token"] = AwsUnavailable("sts:GetSessionToken", "timed out")
    for _ in range(12):
        with pytest.raises(UpstreamError):
            fetch(RIGHT)
        CredentialSlot.objects.all().delete()
    del aws.fail["get_session_token"]
    assert not fetch(RIGHT).was_cached


def test_another_accounts_throttling_stops_nobody_here(  # noqa: PLR0917  # fixtures
    fetch: Make, aws: FakeAws, make_grant: Make, make_role: Make, actor_of: Make, grant: Grant
) -> None:
    """Whose key somebody brings along is not known before AWS answers: its account may be theirs to exhaust."""
    aws.fail["get_session_token"] = AwsUnavailable("sts:GetCallerIdentity", "Throttling", throttled=True)
    with pytest.raises(UpstreamError):
        fetch(MfaProof("123456", "AKIASOMEBODYELSES", "s" * 40))
    other = make_grant(grant.person, role=make_role("Neighbour", account=grant.role.account))
    fetched = fetch_credentials(grant_id=other.pk, aws=aws.ports(), actor=actor_of(grant.person), door="api")
    assert not fetched.was_cached


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
