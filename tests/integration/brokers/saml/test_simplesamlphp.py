"""Real SimpleSAMLphp responses: accepted as they are, refused as soon as one thing doesn't fit."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brokers.errors import SamlRejected
from brokers.saml import MetadataReader, Reason, ServiceProvider, ServiceProviderConfig
from brokers.types import SamlIdentity, SamlIdentityProvider
from tests.saml_forge import Forge, rsa_key
from tests.servers.simplesamlphp import PERSISTENT, SimpleSamlPhp, Sp, simplesamlphp

pytestmark = pytest.mark.services

SP_KEY = rsa_key("sp")
PORTAL = "http://localhost:8765"


def config(entity_id: str, *, key: bool = True) -> ServiceProviderConfig:
    private, certificate = (SP_KEY.private, SP_KEY.certificate) if key else (None, None)
    return ServiceProviderConfig(entity_id, f"{entity_id}/acs", private, certificate)


def sp(name: str, **options: object) -> Sp:
    known: dict[str, object] = {"certificate": SP_KEY.certificate}
    return Sp(f"{PORTAL}/{name}", f"{PORTAL}/{name}/acs", **{**known, **options})  # type: ignore[arg-type]


SPS = (
    sp("both"),
    sp("assertion-only", sign_response=False),
    sp("response-only", sign_assertion=False),
    sp("unsigned", sign_assertion=False, sign_response=False),
    sp("careful", require_signed_requests=True),
    sp("mail", name_id_format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", name_id_from="mail"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSamlPhp]:
    with simplesamlphp(tmp_path_factory.mktemp("ssp"), [*SPS, sp("gcm", encrypt="gcm")]) as running:
        yield running


@pytest.fixture(scope="module")
def cbc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSamlPhp]:
    sps = [sp("cbc", encrypt="cbc"), sp("cbc-unsigned", encrypt="cbc", sign_response=False)]
    with simplesamlphp(tmp_path_factory.mktemp("ssp-cbc"), sps) as running:
        yield running


class Exchange:
    """One sign-in of alice's, kept so that the same response can be held against different expectations."""

    def __init__(self, server: SimpleSamlPhp, name: str, **idp: object) -> None:
        self.provider = ServiceProvider(config(f"{PORTAL}/{name}"))
        self.idp: SamlIdentityProvider = replace(MetadataReader()(server.metadata), **idp)  # type: ignore[arg-type]
        request = self.provider.begin(self.idp, relay_state="opaque")
        self.request_id = request.request_id
        self.acs_url, self.response, self.relay_state = server.login(
            request.redirect_url, "alice", "alicepass"
        )

    def verify(
        self,
        *,
        provider: ServiceProvider | None = None,
        idp: SamlIdentityProvider | None = None,
        request_id: str | None = None,
        at: datetime | None = None,
    ) -> SamlIdentity:
        return (provider or self.provider).verify(
            idp or self.idp,
            self.response,
            request_id=request_id or self.request_id,
            at=at or datetime.now(UTC),
        )

    def refusal(self, **expectations: object) -> str:
        with pytest.raises(SamlRejected) as refused:
            self.verify(**expectations)  # type: ignore[arg-type]
        return refused.value.reason


@pytest.fixture(scope="module")
def exchange(server: SimpleSamlPhp) -> Exchange:
    return Exchange(server, "both")


def test_a_real_response_is_accepted(exchange: Exchange, server: SimpleSamlPhp) -> None:
    identity = exchange.verify()

    assert (exchange.acs_url, exchange.relay_state) == (f"{PORTAL}/both/acs", "opaque")
    assert identity.issuer == server.entity_id
    assert (identity.name_id, identity.name_id_format) == ("alice", PERSISTENT)
    assert identity.attributes["groups"] == ("staff", "payments")
    assert identity.attributes["mail"] == ("alice@example.test",)
    now = datetime.now(UTC)
    assert now - timedelta(minutes=1) < identity.authenticated_at <= now + timedelta(seconds=1)
    assert now < identity.valid_until < now + timedelta(minutes=70)


@pytest.mark.parametrize("name", ["assertion-only", "response-only", "careful", "gcm"])
def test_each_way_of_signing_and_encrypting_is_accepted(server: SimpleSamlPhp, name: str) -> None:
    assert Exchange(server, name).verify().name_id == "alice"


def test_the_name_id_format_is_kept(server: SimpleSamlPhp) -> None:
    identity = Exchange(server, "mail").verify()

    assert identity.name_id == "alice@example.test"
    assert identity.name_id_format == "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


def test_cbc_is_accepted_where_it_is_allowed_and_signed_around(cbc_server: SimpleSamlPhp) -> None:
    assert Exchange(cbc_server, "cbc", allow_aes_cbc=True).verify().name_id == "alice"


def test_cbc_is_refused_elsewhere(cbc_server: SimpleSamlPhp) -> None:
    assert Exchange(cbc_server, "cbc").refusal() == Reason.ENCRYPTION_ALGORITHM
    assert Exchange(cbc_server, "cbc-unsigned", allow_aes_cbc=True).refusal() == Reason.CBC_UNSIGNED


def test_an_unsigned_response_is_refused(server: SimpleSamlPhp) -> None:
    assert Exchange(server, "unsigned").refusal() == Reason.UNSIGNED


def test_a_real_response_to_another_request_is_refused(exchange: Exchange) -> None:
    assert exchange.refusal(request_id="_another") == Reason.IN_RESPONSE_TO


def test_a_real_response_for_another_service_is_refused(exchange: Exchange) -> None:
    here = config(f"{PORTAL}/both")

    other_audience = replace(here, entity_id=f"{PORTAL}/other")
    other_address = replace(here, acs_url=f"{PORTAL}/other/acs")

    assert exchange.refusal(provider=ServiceProvider(other_audience)) == Reason.AUDIENCE
    assert exchange.refusal(provider=ServiceProvider(other_address)) == Reason.DESTINATION


def test_a_real_response_from_another_provider_is_refused(exchange: Exchange) -> None:
    other = replace(exchange.idp, entity_id="https://idp.example.test/other")
    foreign = replace(exchange.idp, certificates=(rsa_key("foreign").certificate,))

    assert exchange.refusal(idp=other) == Reason.ISSUER
    assert exchange.refusal(idp=foreign) == Reason.SIGNATURE


def test_a_real_response_is_refused_when_it_is_over(exchange: Exchange) -> None:
    assert exchange.refusal(at=datetime.now(UTC) + timedelta(hours=1)) == Reason.CONFIRMATION_TIME
    brief = replace(exchange.idp, max_assertion_lifetime=timedelta(minutes=1))
    assert exchange.refusal(idp=brief) == Reason.LIFETIME


def test_two_certificates_are_valid_at_once(exchange: Exchange) -> None:
    rollover = replace(exchange.idp, certificates=(rsa_key("next").certificate, *exchange.idp.certificates))

    assert exchange.verify(idp=rollover).name_id == "alice"


def test_the_forge_resembles_it(exchange: Exchange) -> None:
    """The corpus is forged; that what it starts from is accepted for the same reasons is checked here."""
    forge = Forge()
    forged = ServiceProvider(ServiceProviderConfig(forge.sp_entity_id, forge.acs_url)).verify(
        forge.provider(), forge.response(), request_id=forge.request_id, at=datetime.now(UTC)
    )
    real = exchange.verify()

    assert (forged.name_id, forged.name_id_format) == (real.name_id, real.name_id_format)
    assert forged.attributes["groups"] == real.attributes["groups"]


def test_a_wrong_password_gives_no_response(server: SimpleSamlPhp) -> None:
    provider = ServiceProvider(config(f"{PORTAL}/both"))
    request = provider.begin(MetadataReader()(server.metadata), relay_state="")

    with pytest.raises(AssertionError, match="no SAMLResponse"):
        server.login(request.redirect_url, "alice", "wrong")


def test_an_unsigned_request_is_refused_by_a_careful_provider(server: SimpleSamlPhp) -> None:
    idp = MetadataReader()(server.metadata)
    unsigned = ServiceProvider(config(f"{PORTAL}/careful", key=False)).begin(idp, relay_state="")

    with pytest.raises(AssertionError, match="Unhandled exception"):
        server.login(unsigned.redirect_url, "alice", "alicepass")
