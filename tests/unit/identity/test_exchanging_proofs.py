"""What is handed over for credentials: who gets in by it, and that everybody else hears one and the same answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import AwsSession, Grant, UsedProof
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.running.tidy import tidy_access
from portal.access.proofs import (
    MfaProof,
    ProofNeededError,
    ProofRefusedError,
    SamlProof,
    TokenProof,
    VerifiedProof,
)
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider, OidcSettings, Person
from portal.directory.vouching import SignInTooOldError
from portal.identity.operations import exchange_proof as exchanging
from portal.identity.operations.exchange_proof import exchange_proof
from portal.kernel.attempts import Limit
from portal.kernel.errors import ConflictError, InvalidError, TooManyError, UpstreamError
from tests.fakes import SECRET, FakeAws
from tests.oidc_forge import Forge, Signer, key_of
from tests.proof_world import (
    PERSISTENT,
    assertion,
    cognito_role,
    id_token,
    known_as,
    oidc_provider,
    real_readers,
    saml_provider,
    saml_role,
    token_role,
)
from tests.saml_forge import rsa_key
from tests.saml_forge.aws import says
from tests.statements import statements

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def forge() -> Iterator[Forge]:
    with real_readers() as running:
        yield running


@pytest.fixture
def saml(forge: Forge) -> IdentityProvider:
    return saml_provider()


@pytest.fixture
def oidc(forge: Forge) -> IdentityProvider:
    return oidc_provider(forge.issuer)


@pytest.fixture
def by_assertion(make_role: Make, saml: IdentityProvider) -> AwsRole:
    return saml_role(make_role, saml)


@pytest.fixture
def by_token(make_role: Make, oidc: IdentityProvider) -> AwsRole:
    return token_role(make_role, oidc)


@pytest.fixture
def holder(
    make_grant: Make, ben: Person, saml: IdentityProvider, oidc: IdentityProvider
) -> Callable[..., Grant]:
    """Give Ben a grant of a role; both providers know him."""

    def hold(role: AwsRole, **order: Any) -> Grant:
        for provider, subject in ((saml, "ben"), (oidc, "ben-1")):
            if not ExternalIdentity.objects.filter(provider=provider, person=ben).exists():
                known_as(ben, provider, subject)
        made: Grant = make_grant(ben, role=role, **order)
        return made

    return hold


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


def test_who_is_not_known_there_gets_nothing(
    holder: Callable[..., Grant], by_assertion: AwsRole, by_token: AwsRole, aws: FakeAws, forge: Forge
) -> None:
    holder(by_assertion)
    holder(by_token)
    assert refused(by_assertion, assertion(by_assertion, "Ben"), aws) == "unknown_identity"
    assert refused(by_token, id_token(forge, "ben"), aws) == "unknown_identity"
    assert refused(by_token, id_token(forge, "ben-1 "), aws) == "oidc.subject"
    exchange(by_assertion, assertion(by_assertion, "ben"), aws)
    exchange(by_token, id_token(forge, "ben-1"), aws)


def test_the_format_of_the_name_is_part_of_it(
    holder: Callable[..., Grant], by_assertion: AwsRole, aws: FakeAws, saml: IdentityProvider
) -> None:
    holder(by_assertion)
    ExternalIdentity.objects.filter(provider=saml).update(subject_format="urn:another")
    assert refused(by_assertion, assertion(by_assertion, "ben"), aws) == "unknown_identity"


@pytest.mark.parametrize("how", ["gone", "inactive", "ended", "scheduled", "disabled role", "provider off"])
def test_who_holds_nothing_that_is_open_gets_nothing(  # noqa: PLR0917  # fixtures
    holder: Callable[..., Grant],
    by_token: AwsRole,
    aws: FakeAws,
    forge: Forge,
    oidc: IdentityProvider,
    how: str,
) -> None:
    grant = holder(by_token)
    now = datetime.now(UTC)
    proof = id_token(forge, "ben-1")
    match how:
        case "gone":
            ExternalIdentity.objects.filter(provider=oidc).update(gone_at=now, gone_why="left")
        case "inactive":
            Person.objects.filter(pk=grant.holder.pk).update(is_active=False, deactivated_at=now)
        case "ended":
            Grant.objects.filter(pk=grant.pk).update(ended_at=now, state="revoked")
        case "scheduled":
            Grant.objects.filter(pk=grant.pk).update(starts_at=now + timedelta(minutes=5))
        case "disabled role":
            AwsRole.objects.filter(pk=by_token.pk).update(is_enabled=False)
        case "provider off":
            IdentityProvider.objects.filter(pk=oidc.pk).update(is_enabled=False)
    reasons = {
        "gone": "unknown_identity",
        "inactive": "unknown_identity",
        "ended": "no_open_grant",
        "scheduled": "no_open_grant",
        "disabled role": "no_such_role",
        "provider off": "provider_off",
    }
    # Who holds it hears what has become of it; all else is one answer.
    told = {"ended": "This grant has ended;", "scheduled": "This grant starts only at "}
    words = told.get(how, str(ProofRefusedError("anything")))
    assert refused(by_token, proof, aws, told=words) == reasons[how]


def test_what_the_provider_signed_counts_as_its_word(
    holder: Callable[..., Grant], by_token: AwsRole, aws: FakeAws, forge: Forge, oidc: IdentityProvider
) -> None:
    grant = holder(by_token)
    own = ExternalIdentity.objects.filter(provider=oidc, person=grant.person_id)
    ExternalIdentity.objects.filter(person=grant.person_id).update(confirmed_at=None)
    said = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    assert exchange(by_token, id_token(forge, "ben-1", auth_time=int(said.timestamp())), aws).grant == grant
    assert own.get().confirmed_at == said
    # An older word takes nothing back; one that is too old lets nobody in, though it is signed.
    exchange(by_token, id_token(forge, "ben-1", auth_time=int(said.timestamp()) - 60), aws)
    assert own.get().confirmed_at == said
    own.update(confirmed_at=None)
    old = said - timedelta(hours=oidc.max_age_hours)
    with pytest.raises(SignInTooOldError):
        exchange(by_token, id_token(forge, "ben-1", auth_time=int(old.timestamp())), aws)


def test_somebody_elses_grant_is_not_theirs(  # noqa: PLR0917  # fixtures
    holder: Callable[..., Grant], by_token: AwsRole, aws: FakeAws, forge: Forge, mallory: Person, oidc: Any
) -> None:
    holder(by_token)
    known_as(mallory, oidc, "mallory-1")
    assert refused(by_token, id_token(forge, "mallory-1"), aws) == "no_open_grant"
    exchange(by_token, id_token(forge, "ben-1"), aws)


def test_what_does_not_verify_gets_nothing(
    holder: Callable[..., Grant], by_assertion: AwsRole, by_token: AwsRole, aws: FakeAws, forge: Forge
) -> None:
    holder(by_assertion)
    holder(by_token)
    assert (
        refused(by_assertion, assertion(by_assertion, "ben", key=rsa_key("other")), aws) == "saml.signature"
    )
    assert refused(by_assertion, assertion(by_assertion, "ben", audience="urn:x"), aws) == "saml.audience"
    assert refused(by_assertion, SamlProof("bm90IFhNTA=="), aws) == "saml.malformed"
    assert refused(by_token, id_token(forge, "ben-1", aud="another"), aws) == "oidc.audience"
    forged = id_token(forge, "ben-1", Signer(key=key_of("attacker")))
    assert refused(by_token, forged, aws) == "oidc.signature"
    assert refused(by_token, TokenProof("a.b.c"), aws) == "oidc.malformed"


def test_an_assertion_opens_only_the_role_that_it_names(
    holder: Callable[..., Grant], make_role: Make, by_assertion: AwsRole, saml: IdentityProvider, aws: FakeAws
) -> None:
    other = saml_role(make_role, saml, "Other")
    holder(other)
    holder(by_assertion)
    assert refused(other, assertion(by_assertion, "ben"), aws) == "role_not_named"
    exchange(other, assertion(other, "ben"), aws)


def test_a_provider_vouches_for_its_own_roles_alone(
    holder: Callable[..., Grant], make_role: Make, by_token: AwsRole, aws: FakeAws, forge: Forge
) -> None:
    """Another provider of the same words, at which the person is known as well."""
    elsewhere = oidc_provider("https://another.example.test", "another")
    OidcSettings.objects.filter(provider=elsewhere).update(issuer=f"{forge.issuer}/another")
    role = token_role(make_role, elsewhere, "Elsewhere")
    grant = holder(role)
    known_as(grant.holder, elsewhere, "ben-1")
    with pytest.raises(UpstreamError):
        exchange(role, id_token(forge, "ben-1"), aws)  # that provider is not even there
    holder(by_token)
    exchange(by_token, id_token(forge, "ben-1"), aws)


@pytest.mark.parametrize("ref", ["", "arn:aws:iam::222222222222:role/Nothing", "Reader", "*", "\x00"])
def test_a_role_that_is_not_there_is_refused_like_any_other(
    holder: Callable[..., Grant], by_token: AwsRole, aws: FakeAws, forge: Forge, ref: str
) -> None:
    holder(by_token)
    assert refused(ref, id_token(forge, "ben-1"), aws) == "no_such_role"


def test_a_role_that_takes_no_proof_is_not_there_at_this_door(
    holder: Callable[..., Grant], role: AwsRole, aws: FakeAws, forge: Forge
) -> None:
    holder(role)
    assert refused(role, id_token(forge, "ben-1"), aws) == "no_such_role"


def test_tries_that_were_refused_are_limited_by_network(
    holder: Callable[..., Grant],
    by_token: AwsRole,
    aws: FakeAws,
    forge: Forge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchanging, "TRIES", Limit("exchange.network", 3, timedelta(minutes=10)))
    holder(by_token)
    good = id_token(forge, "ben-1")
    for _ in range(5):
        exchange(by_token, good, aws)
    for _ in range(3):
        refused(by_token, id_token(forge, "nobody"), aws)
    with pytest.raises(TooManyError):
        exchange(by_token, good, aws)
    exchange(by_token, good, aws, ip="192.0.2.10")


def test_a_provider_that_is_away_costs_nobody_a_try(
    holder: Callable[..., Grant],
    by_token: AwsRole,
    aws: FakeAws,
    forge: Forge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchanging, "TRIES", Limit("exchange.network", 1, timedelta(minutes=10)))
    holder(by_token)
    forge.answers["/jwks"] = lambda _: (503, {})
    for _ in range(3):
        with pytest.raises(UpstreamError):
            exchange(by_token, id_token(forge, "ben-1"), aws)
    assert not AuditEvent.objects.filter(type="access.proof.refused").exists()


def test_a_role_that_asks_for_a_second_factor_takes_the_providers_word(
    holder: Callable[..., Grant], make_role: Make, oidc: IdentityProvider, aws: FakeAws, forge: Forge
) -> None:
    role = token_role(make_role, oidc, "Careful", factor_minutes=10)
    holder(role)
    now = int(datetime.now(UTC).timestamp())
    with pytest.raises(StepUpNeededError):
        exchange(role, id_token(forge, "ben-1", auth_time=now, amr=["mfa"]), aws)
    IdentityProvider.objects.filter(pk=oidc.pk).update(factor_contexts=["mfa"])
    with pytest.raises(StepUpNeededError):
        exchange(role, id_token(forge, "ben-1", auth_time=now - 700, amr=["mfa"]), aws)
    exchange(role, id_token(forge, "ben-1", auth_time=now, amr=["mfa"]), aws)


# Signed-in people, who bring their own along.


def issue(grant: Grant, aws: FakeAws, actor_of: Make, proof: Any) -> Any:
    return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person), proof=proof)


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


def cost(role: AwsRole, proof: SamlProof | TokenProof, aws: FakeAws) -> tuple[str, int]:
    """Return why it was refused, and how many statements the database was sent."""
    with statements() as told:
        reason = refused(role, proof, aws)
    return reason, len(told)


def test_whom_nobody_knows_costs_as_much_as_whom_nothing_was_granted(  # noqa: PLR0917  # fixtures
    forge: Forge, by_assertion: AwsRole, by_token: AwsRole, holder: Make, person: Make, aws: FakeAws
) -> None:
    for role in (by_assertion, by_token):
        holder(role)
    eve = person("Eve")
    for role in (by_assertion, by_token):
        assert role.vouched_by is not None
        known_as(eve, role.vouched_by, "eve")

    def by(who: str) -> list[tuple[str, int]]:
        proofs = ((by_assertion, assertion(by_assertion, who)), (by_token, id_token(forge, who)))
        return [cost(role, proof, aws) for role, proof in proofs]

    by("eve")  # providers' keys and metadata are read the first time
    known, unknown = by("eve"), by("nobody")
    assert [reason for reason, _ in known] == ["no_open_grant"] * 2
    assert [reason for reason, _ in unknown] == ["unknown_identity"] * 2
    assert [many for _, many in known] == [many for _, many in unknown]
