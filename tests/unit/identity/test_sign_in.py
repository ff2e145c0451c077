"""SAML sign-in at the ports: bound to its browser, judged once, replay refused, and who it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from brokers.errors import SamlMetadataRejected, SamlRejected
from brokers.saml import ServiceProvider
from brokers.types import SamlIdentity, SamlIdentityProvider, SamlRequest
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    Group,
    IdentityProvider,
    PendingSignIn,
    Person,
    SamlSettings,
)
from portal.directory.operations.api_tokens import create_token, find_token, revoke_token
from portal.identity.operations import admit_person, saml_sign_in
from portal.identity.operations.appoint_admin import appoint_admin
from portal.identity.operations.complete_sign_in import SignedIn
from portal.identity.operations.keep_provider import keep_saml_provider
from portal.identity.operations.refusing import SignInRefusedError
from portal.identity.operations.tidy import tidy_sign_ins
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError

pytestmark = pytest.mark.django_db
NOBODY = Actor(ActorKind.NOBODY, "nobody")
SHELL = Actor.command("tests")
Make = Callable[..., Any]


def read(document: bytes, *, entity_id: str | None = None, signer: str | None = None) -> SamlIdentityProvider:
    del signer
    if document == b"broken":
        raise SamlMetadataRejected("malformed", "not XML")
    return SamlIdentityProvider(entity_id or "https://idp.example", "https://idp.example/sso", ("cert",))


class FakeSaml(ServiceProvider):
    """Answers what it is told; the rest of the port is of no concern here."""

    def __init__(self) -> None:  # no settings, no key
        self.count = 0
        self.problem: SamlRejected | None = None
        now = datetime.now(UTC)
        self.identity = SamlIdentity(
            issuer="https://idp.example",
            assertion_id="_a1",
            name_id="ada",
            name_id_format="persistent",
            session_index=None,
            attributes={
                "displayName": ("Ada\n Brook",),
                "email": ("ada@example.com",),
                "groups": ("dev", "ops"),
            },
            authenticated_at=now,
            valid_until=now + timedelta(minutes=5),
        )

    def begin(
        self, idp: SamlIdentityProvider, *, relay_state: str, context: str = "", fresh: bool = False
    ) -> SamlRequest:
        self.asked = (context, fresh)
        if self.problem:
            raise self.problem
        self.count += 1
        return SamlRequest(f"_r{self.count}", f"{idp.sso_url}?RelayState={relay_state}")

    def verify(self, idp: Any, response: str, *, request_id: str | None, at: datetime) -> SamlIdentity:
        if self.problem:
            raise self.problem
        return replace(self.identity, session_index=f"{response} for {request_id} at {at} by {idp}")

    def metadata(self) -> bytes:
        return b""


@pytest.fixture
def saml() -> FakeSaml:
    return FakeSaml()


@pytest.fixture
def provider() -> IdentityProvider:
    return keep_saml_provider(slug="corp", name="Corp", metadata="<x/>", read=read, actor=SHELL)


def start(provider: IdentityProvider, saml: FakeSaml, next_path: str = "/mine") -> UUID:
    begun = saml_sign_in.begin_saml_sign_in(
        provider=provider, browser="cookie", next_path=next_path, saml=saml, read=read
    )
    relay_state = begun.redirect_url.rpartition("=")[2]
    return saml_sign_in.receive_saml_response(relay_state=relay_state, response="answer")


def finish(pending: UUID, saml: FakeSaml, browser: str = "cookie") -> SignedIn:
    finished = saml_sign_in.finish_saml_sign_in(
        pending_id=pending, browser=browser, saml=saml, read=read, actor=NOBODY
    )
    assert finished.signed_in is not None
    return finished.signed_in


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(SignInRefusedError) as error:
        call()
    return error.value.reason


def test_a_first_sign_in_makes_the_person_and_a_second_knows_them(provider: Any, saml: FakeSaml) -> None:
    done = finish(start(provider, saml), saml)
    assert (done.person.name, done.person.email, done.next_path) == ("Ada Brook", "ada@example.com", "/mine")
    assert done.valid_for == timedelta(hours=8)
    assert set(done.person.member_of.values_list("name", flat=True)) == {"dev", "ops"}
    own = Group.objects.create(name="own")
    own.members.add(done.person)
    attributes = {"displayName": ("Ada B.",), "groups": ("dev",)}
    saml.identity = replace(saml.identity, assertion_id="_a2", attributes=attributes)
    again = finish(start(provider, saml), saml)
    assert again.person.pk == done.person.pk
    assert Person.objects.get().name == "Ada B."
    assert set(again.person.member_of.values_list("name", flat=True)) == {"dev", "own"}
    types = AuditEvent.objects.order_by("id").values_list("type", flat=True)
    assert list(types)[1:] == [
        "directory.person.admitted",
        "directory.person.groups_changed",
        "directory.sign_in.succeeded",
        "directory.person.changed",
        "directory.person.groups_changed",
        "directory.sign_in.succeeded",
    ]


def test_who_was_signed_in_before_did_not_admit_who_comes_after(
    provider: Any, saml: FakeSaml, mallory: Any, actor_of: Make
) -> None:
    before = actor_of(mallory)
    saml_sign_in.finish_saml_sign_in(
        pending_id=start(provider, saml), browser="cookie", saml=saml, read=read, actor=before
    )
    for event in AuditEvent.objects.filter(
        type__in=["directory.person.admitted", "directory.sign_in.succeeded"]
    ):
        assert (event.actor_kind, event.actor_id, event.actor_label) == ("nobody", None, "nobody")
        assert event.ip == before.ip
    # A refusal keeps who was there: nobody else has come.
    with pytest.raises(SignInRefusedError):
        saml_sign_in.finish_saml_sign_in(
            pending_id=start(provider, saml), browser="cookie", saml=saml, read=read, actor=before
        )
    assert AuditEvent.objects.get(type="directory.sign_in.refused").actor_id == mallory.pk


def test_a_groups_name_is_never_cut_into_anothers(provider: Any, saml: FakeSaml) -> None:
    fits = "g" * 200
    for number, (told, held) in enumerate((((fits,), {fits}), ((fits + "x", "dev"), {"dev"}))):
        saml.identity = replace(saml.identity, assertion_id=f"_g{number}", attributes={"groups": told})
        person = finish(start(provider, saml), saml).person
        assert set(person.member_of.values_list("name", flat=True)) == held


def test_a_sign_in_ends_no_later_than_its_provider_says(provider: Any, saml: FakeSaml) -> None:
    whole = timedelta(hours=8)
    for hours, least, most in ((2, timedelta(minutes=119), timedelta(hours=2)), (9, whole, whole)):
        ends_at = datetime.now(UTC) + timedelta(hours=hours)
        saml.identity = replace(saml.identity, assertion_id=f"_{hours}", session_ends_at=ends_at)
        assert least <= finish(start(provider, saml), saml).valid_for <= most


def test_a_partners_provider_vouches_for_its_own_people_alone(
    provider: Any, saml: FakeSaml, partner: Any
) -> None:
    person = finish(start(provider, saml), saml).person
    IdentityProvider.objects.update(partner=partner)
    saml.identity = replace(saml.identity, assertion_id="_of_the_own_company")
    assert refused(lambda: finish(start(provider, saml), saml)) == "directory.forbidden"
    Person.objects.filter(pk=person.pk).update(partner=partner)
    saml.identity = replace(saml.identity, assertion_id="_own")
    assert finish(start(provider, saml), saml).person.pk == person.pk
    IdentityProvider.objects.update(partner=None)
    saml.identity = replace(saml.identity, assertion_id="_guest")
    assert finish(start(provider, saml), saml).person.pk == person.pk, "the own company's provider has guests"


def test_an_answer_counts_once_for_the_browser_that_asked(provider: Any, saml: FakeSaml) -> None:
    pending = start(provider, saml)
    assert refused(lambda: finish(pending, saml, browser="another")) == "saml.other_browser"
    assert refused(lambda: finish(pending, saml, browser="")) == "saml.other_browser"
    finish(pending, saml)  # the other browser did not use it up
    assert refused(lambda: finish(pending, saml)) == "saml.not_asked"
    assert refused(lambda: finish(start(provider, saml), saml)) == "saml.replay"
    assert AuditEvent.objects.filter(type="directory.sign_in.refused").count() == 4
    assert tidy_sign_ins(at=database_now() + timedelta(hours=1)) == 3
    assert not PendingSignIn.objects.exists()


def test_what_nobody_asked_for_is_not_kept(provider: Any, saml: FakeSaml) -> None:
    receive = saml_sign_in.receive_saml_response
    assert refused(lambda: receive(relay_state="made-up", response="x")) == "saml.not_asked"
    assert refused(lambda: receive(relay_state="x", response="")) == "saml.size"
    assert refused(lambda: receive(relay_state="x", response="x" * (256 * 1024 + 1))) == "saml.size"
    begun = saml_sign_in.begin_saml_sign_in(
        provider=provider, browser="b", next_path="/", saml=saml, read=read
    )
    state = begun.redirect_url.rpartition("=")[2]
    receive(relay_state=state, response="first")
    assert refused(lambda: receive(relay_state=state, response="second")) == "saml.not_asked"


def test_a_refusal_by_the_broker_carries_its_reason(provider: Any, saml: FakeSaml) -> None:
    pending = start(provider, saml)
    saml.problem = SamlRejected("signature", "no")
    assert refused(lambda: finish(pending, saml)) == "saml.signature"
    assert refused(lambda: start(provider, saml)) == "saml.signature"
    saml.problem = None
    sealed = start(provider, saml)
    PendingSignIn.objects.filter(pk=sealed).update(sealed_response=b"garbage")
    assert refused(lambda: finish(sealed, saml)) == "saml.malformed"
    SamlSettings.objects.update(metadata="broken")
    provider.refresh_from_db()
    assert refused(lambda: start(provider, saml)) == "saml.metadata.malformed"


def test_a_disabled_provider_a_deactivated_person_and_a_stranger(provider: Any, saml: FakeSaml) -> None:
    waiting, late = start(provider, saml), start(provider, saml)
    person = finish(waiting, saml).person
    IdentityProvider.objects.update(is_enabled=False)
    assert refused(lambda: finish(late, saml)) == "saml.provider_disabled"
    provider.refresh_from_db()
    assert refused(lambda: start(provider, saml)) == "saml.provider_disabled"
    IdentityProvider.objects.update(is_enabled=True, admits_people=False)
    provider.refresh_from_db()
    Person.objects.filter(pk=person.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    saml.identity = replace(saml.identity, assertion_id="_a3")
    assert refused(lambda: finish(start(provider, saml), saml)) == "directory.forbidden"
    saml.identity = replace(saml.identity, assertion_id="_a4", name_id="eve")
    assert refused(lambda: finish(start(provider, saml), saml)) == "directory.forbidden"
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "/" + "x" * 500, ""]
)
def test_nobody_is_sent_elsewhere(provider: Any, saml: FakeSaml, path: str) -> None:
    assert finish(start(provider, saml, path), saml).next_path == "/"


def test_of_two_first_sign_ins_at_once_one_makes_the_person(
    provider: Any, saml: FakeSaml, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = finish(start(provider, saml), saml).person
    answers = iter([None, ExternalIdentity.objects.get()])
    monkeypatch.setattr(admit_person, "_known", lambda *_: next(answers))
    proven = saml_sign_in.proven_by_saml(provider, saml.identity)
    found = admit_person.person_for(provider=provider, proven=proven, actor=NOBODY)
    assert found.person_id == first.pk
    monkeypatch.setattr(admit_person, "_known", lambda *_: None)
    with pytest.raises(IntegrityError):
        admit_person.person_for(provider=provider, proven=proven, actor=NOBODY)


def test_providers_are_judged_before_they_are_kept(provider: Any) -> None:
    with pytest.raises(InvalidError, match="not XML"):
        keep_saml_provider(slug="corp", name="", metadata="broken", read=read, actor=SHELL)
    with pytest.raises(InvalidError) as refusal:
        keep_saml_provider(slug="not a slug", name="", metadata="<x/>", read=read, actor=SHELL)
    assert refusal.value.field
    kept = keep_saml_provider(slug="corp", name="", metadata="<y/>", read=read, actor=SHELL)
    assert (kept.pk, kept.name, kept.saml.metadata) == (provider.pk, "Corp", "<y/>")


def test_the_first_admin(provider: Any, partner: Any) -> None:
    def appoint(slug: str = "corp") -> Person:
        return appoint_admin(
            provider_slug=slug, subject="ada", subject_format="persistent", name="", actor=SHELL
        )

    assert appoint().is_superuser
    assert appoint().pk == Person.objects.get().pk
    with pytest.raises(InvalidError, match="known: corp"):
        appoint("other")
    Person.objects.update(is_active=False, deactivated_at=datetime.now(UTC))
    with pytest.raises(InvalidError, match="deactivated"):
        appoint()
    IdentityProvider.objects.update(partner=partner)
    with pytest.raises(InvalidError, match="partner"):
        appoint()


def test_tokens(person: Make, actor_of: Make) -> None:
    ada, eve = person("Ada"), person("Eve")
    owner = actor_of(ada)
    made = create_token(name=" ci ", scopes=["grants:read"], days=1, actor=owner)
    assert made.plain not in str(vars(made.token)) + repr(made)
    found = find_token(plain=made.plain)
    assert found is not None
    assert found.last_used_at is None
    assert find_token(plain=made.plain) is not None
    assert find_token(plain=made.plain + "x") is None
    assert find_token(plain="other") is None
    wrongs: tuple[dict[str, Any], ...] = (
        {"name": " "},
        {"name": "x" * 81},
        {"scopes": []},
        {"scopes": ["all"]},
        {"days": 0},
        {"days": 367},
    )
    for wrong in wrongs:
        with pytest.raises(InvalidError):
            create_token(**{"name": "ci", "scopes": ["grants:read"], "days": 1, **wrong}, actor=owner)
    for actor in (actor_of(ada, ActorKind.TOKEN), SHELL):
        with pytest.raises(ForbiddenError):
            create_token(name="ci", scopes=["grants:read"], days=1, actor=actor)
    with pytest.raises(NotFoundError):
        revoke_token(token_id=made.token.pk, actor=actor_of(eve))
    assert revoke_token(token_id=made.token.pk, actor=owner).revoked_at is not None
    with pytest.raises(NotFoundError):
        revoke_token(token_id=made.token.pk, actor=owner)
    assert find_token(plain=made.plain) is None
    Person.objects.filter(pk=eve.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    with pytest.raises(ForbiddenError):
        create_token(name="ci", scopes=["grants:read"], days=1, actor=actor_of(eve))


def test_tokens_have_a_number(person: Make, actor_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.directory.operations.api_tokens.MOST_TOKENS", 1)
    owner = actor_of(person())
    create_token(name="a", scopes=["grants:read"], days=1, actor=owner)
    with pytest.raises(InvalidError, match="already"):
        create_token(name="b", scopes=["grants:read"], days=1, actor=owner)
