"""What is refused at the exchange doors, for what reason, and at what cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import Grant
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.proofs import (
    ProofRefusedError,
    SamlProof,
    TokenProof,
)
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider, OidcSettings, Person
from portal.directory.vouching import SignInTooOldError
from portal.identity.operations import exchange_proof as exchanging
from portal.kernel.attempts import Limit
from portal.kernel.errors import TooManyError, UpstreamError
from tests.fakes import FakeAws
from tests.oidc_forge import Forge, Signer, key_of
from tests.proof_world import (
    assertion,
    id_token,
    known_as,
    oidc_provider,
    saml_role,
    token_role,
)
from tests.saml_forge import rsa_key
from tests.unit.identity.exchanging_proofs.exchanging import Make, cost, exchange, refused

pytestmark = pytest.mark.django_db


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
