"""Trying a SAML provider out, and its mapping on a pasted response: it tells, and changes nothing."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable
from brokers.saml import MetadataReader, ServiceProvider, ServiceProviderConfig
from brokers.types import FetchedDocument
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    Group,
    IdentityProvider,
    Person,
    SamlSettings,
    SeenAssertion,
)
from portal.identity.operations.check_saml_provider import check_saml_provider
from portal.identity.operations.try_mapping import TriedMapping, try_mapping
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, Forge, drop, rsa_key, set_attribute
from tests.saml_forge.idp import ASSERTION, RESPONSE, stamp
from tests.saml_forge.keys import key_until
from tests.saml_forge.metadata import Described
from tests.unit.brokers.saml.corpus_form import CORPUS

pytestmark = pytest.mark.django_db
SP_KEY = rsa_key("sp")
KEYED = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate))
BARE = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL))
READ = MetadataReader()
SHELL = Actor.command("tests")
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
Make = Callable[..., Any]


def make(described: Described | None = None, **more: Any) -> IdentityProvider:
    shown = described or Described()
    own = {
        name: more.pop(name) for name in ("metadata_url", "metadata_signer", "allow_aes_cbc") if name in more
    }
    provider = IdentityProvider.objects.create(
        slug="corp", name="Corp", email_attribute="mail", name_attribute="", **more
    )
    SamlSettings.objects.create(provider=provider, entity_id=shown.entity_id, metadata=shown.text(), **own)
    return provider


def attempt(provider: IdentityProvider, response: str, actor: Actor = SHELL) -> TriedMapping:
    return try_mapping(
        provider_id=provider.pk, response=response, saml=KEYED, read=READ, at=datetime.now(UTC), actor=actor
    )


def failed(tried: TriedMapping) -> list[str]:
    return [step.name for step in tried.steps if not step.is_ok]


def counts() -> tuple[int, ...]:
    kept = (Person, Group, ExternalIdentity, SeenAssertion, AuditEvent)
    return tuple(model.objects.count() for model in kept)


def test_a_good_one_says_who_would_come() -> None:
    provider = make(group_names={"payments": "ledger"}, factor_contexts=[PASSWORD])
    before = counts()
    tried = attempt(provider, Forge().response())

    assert failed(tried) == []
    assert (tried.subject, tried.name, tried.email) == ("alice", "alice", "alice@example.test")
    assert tried.attributes["groups"] == ("staff", "payments")
    assert tried.groups == ("ledger", "staff")
    assert (tried.context, tried.gives_factor) == (PASSWORD, True)
    assert tried.would == "A first sign-in: the person would be made."
    assert {"Audience", "Recipient", "Signature of the assertion"} <= {step.name for step in tried.steps}
    assert counts() == before, "it changes nothing"
    assert attempt(provider, Forge().document().decode()).is_ok, "XML will do as well"


def test_an_old_one_passes_and_says_so() -> None:
    forge = Forge(alter=lambda root: aged(root, hours=48))
    tried = attempt(make(), forge.response())
    assert failed(tried) == []
    old = [step.detail for step in tried.steps if step.detail.startswith("Held when it was made")]
    assert len(old) == 2
    always_over = Forge(
        alter=set_attribute(f"{ASSERTION}/saml:Conditions", "NotOnOrAfter", "2020-01-01T00:00:00Z")
    )
    assert "Times of the conditions" in failed(
        attempt(IdentityProvider.objects.get(), always_over.response())
    )


def aged(root: Any, *, hours: int) -> None:
    for element in root.iter():
        for name in ("IssueInstant", "NotBefore", "NotOnOrAfter", "AuthnInstant"):
            if element.get(name):
                then = datetime.fromisoformat(element.get(name)) - timedelta(hours=hours)
                element.set(name, stamp(then.astimezone(UTC)))


def test_an_encrypted_one_is_opened() -> None:
    tried = attempt(make(), Forge(encrypt_to=SP_KEY).response())
    assert (failed(tried), tried.subject) == ([], "alice")
    foreign = attempt(IdentityProvider.objects.get(), Forge(encrypt_to=rsa_key("theirs")).response())
    assert (failed(foreign), foreign.subject) == (["Encryption"], "")
    assert "metadata" in foreign.steps[-1].advice


@pytest.mark.parametrize(
    ("forge", "names"),
    [
        (Forge(sp_entity_id="https://other.example.test"), ["Audience"]),
        (Forge(acs_url="https://other.example.test/acs"), ["Destination", "Recipient"]),
        (Forge(key=rsa_key("evil")), ["Signature of the assertion"]),
        (Forge(sign=()), ["Signed"]),
        (Forge(name_id="alice berg"), ["NameID"]),
        (Forge(entity_id="https://other.example.test"), ["Issuer"]),
        (Forge(signature_algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"), ["Signature algorithms"]),
    ],
    ids=lambda value: "" if isinstance(value, Forge) else value[0],
)
def test_each_fault_is_named_and_the_rest_is_told_all_the_same(forge: Forge, names: list[str]) -> None:
    tried = attempt(make(), forge.response())
    assert failed(tried) == names
    assert tried.attributes["groups"] == ("staff", "payments")
    assert all(step.advice for step in tried.steps if not step.is_ok)


# More than an answer can be is an error of the form.
FORMS = [attack for attack in CORPUS if attack.name != "oversize"]


@pytest.mark.parametrize("attack", FORMS, ids=lambda attack: attack.name)
def test_no_attack_on_the_form_passes_here_either(attack: Any) -> None:
    provider = make(**attack.idp)
    neighbour = attack.neighbour()
    assert not attempt(provider, attack.forge(neighbour).response()).is_ok


def test_who_is_known_deactivated_or_unwelcome(person: Make) -> None:
    provider = make()
    ada = person("Ada")
    known = ExternalIdentity.objects.create(
        provider=provider,
        person=ada,
        subject="alice",
        subject_format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    )
    response = Forge().response()
    assert attempt(provider, response).would == "Ada would be signed in."
    ExternalIdentity.objects.update(gone_at=datetime.now(UTC), gone_why="disabled")
    assert attempt(provider, response).would == "Refused: Ada is disabled at Corp."
    Person.objects.update(is_active=False, deactivated_at=datetime.now(UTC))
    assert attempt(provider, response).would == "Refused: Ada is deactivated."
    known.delete()
    IdentityProvider.objects.update(admits_people=False)
    assert attempt(provider, response).would.startswith("Refused: nobody here has this NameID")


@pytest.mark.parametrize(
    "pasted", ["!", "<x", base64.b64encode(b"<!DOCTYPE x><x/>").decode(), "<x/>", "PHgvPg=="]
)
def test_rubbish_is_told_not_raised(pasted: str) -> None:
    tried = attempt(make(), pasted)
    assert not tried.is_ok
    assert tried.subject == ""


def test_who_may_try_and_what(ben: Any, actor_of: Make) -> None:
    provider = make()
    with pytest.raises(ForbiddenError):
        attempt(provider, Forge().response(), actor_of(ben))
    for pasted in ("", " ", "A" * 300_000):
        with pytest.raises(InvalidError):
            attempt(provider, pasted)
    with pytest.raises(NotFoundError):
        attempt(IdentityProvider(slug="none"), "x")
    SamlSettings.objects.update(metadata="<x/>")
    with pytest.raises(InvalidError, match="metadata can't be used"):
        attempt(provider, "x")


def test_an_unasked_one_is_called_that() -> None:
    def alter(root: Any) -> None:
        drop(RESPONSE, "InResponseTo")(root)
        drop(
            f"{ASSERTION}/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData", "InResponseTo"
        )(root)

    tried = attempt(make(), Forge(alter=alter).response())
    assert failed(tried) == []
    assert "Nobody asked for it" in {step.detail for step in tried.steps}


def never(url: str) -> FetchedDocument:
    raise AssertionError(f"{url} is asked, and no address was given")


def walk(
    provider: IdentityProvider, *, saml: ServiceProvider = KEYED, fetch: Any = never, actor: Actor = SHELL
) -> Any:
    return {
        step.name: step
        for step in check_saml_provider(
            provider_id=provider.pk, saml=saml, read=READ, fetch=fetch, actor=actor
        )
    }


URL = "https://idp.example.test/metadata"


def test_a_provider_in_good_health() -> None:
    shown = Described(slo_url="https://idp.example.test/slo")
    provider = make(shown, metadata_url=URL)
    steps = walk(provider, fetch=lambda _: FetchedDocument(shown.document(), datetime.now(UTC)))
    assert [name for name, step in steps.items() if not step.is_ok] == []
    assert list(steps) == [
        "Metadata", "Certificates", "Metadata address", "Metadata there", "Clock", "Own key", "Single logout",
    ]  # fmt: skip
    assert not any(step.advice for step in steps.values())
    event = AuditEvent.objects.get(type="directory.provider.tested")
    assert (event.outcome, event.details["failed"]) == ("done", [])


def test_what_ends_soon_and_what_is_ended() -> None:
    soon = make(
        Described(keys=(key_until("soon", days=13),), valid_until=datetime.now(UTC) + timedelta(days=13))
    )
    steps = walk(soon)
    assert not steps["Metadata"].is_ok
    assert not steps["Certificates"].is_ok
    assert steps["Certificates"].advice
    SamlSettings.objects.update(metadata="<x/>")
    assert list(walk(soon)) == ["Metadata"]
    assert AuditEvent.objects.filter(type="directory.provider.tested").latest("id").outcome == "failed"


@pytest.mark.parametrize("reason", ["tls", "timeout", "unreachable", "address", "malformed"])
def test_an_address_that_does_not_answer(reason: str) -> None:
    def fetch(_: str) -> FetchedDocument:
        raise IdentityUnavailable("saml", reason, "what happened")

    steps = walk(make(metadata_url=URL), fetch=fetch)
    assert (steps["Metadata address"].is_ok, steps["Metadata address"].detail) == (False, "what happened")
    assert steps["Metadata address"].advice
    assert steps["Metadata"].is_ok, "what is pinned goes on"


def test_a_wrong_document_a_wrong_signer_and_a_wrong_clock() -> None:
    provider = make(metadata_url=URL)
    late = datetime.now(UTC) - timedelta(minutes=3)
    steps = walk(provider, fetch=lambda _: FetchedDocument(b"<html/>", late))
    assert (steps["Metadata there"].is_ok, steps["Clock"].is_ok) == (False, False)
    SamlSettings.objects.update(metadata_signer=rsa_key("federation").certificate)
    unsigned = walk(provider, fetch=lambda _: FetchedDocument(Described().document()))
    assert (unsigned["Metadata there"].is_ok, unsigned["Clock"].is_ok) == (False, True)
    signed = Described(signer=rsa_key("federation")).document()
    assert walk(provider, fetch=lambda _: FetchedDocument(signed))["Metadata there"].is_ok


def test_an_own_key_is_missed_where_requests_must_be_signed(ben: Any, actor_of: Make) -> None:
    provider = make()
    assert walk(provider, saml=BARE)["Own key"].is_ok
    wants = Described(more=' WantAuthnRequestsSigned="true"')
    SamlSettings.objects.update(metadata=wants.text())
    assert not walk(provider, saml=BARE)["Own key"].is_ok
    assert walk(provider)["Own key"].is_ok
    with pytest.raises(ForbiddenError):
        walk(provider, actor=actor_of(ben))
    with pytest.raises(NotFoundError):
        walk(IdentityProvider(slug="none"))
