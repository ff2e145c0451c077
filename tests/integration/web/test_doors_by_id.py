"""Every address with an id, generated from the URLconf: whose it is, who may not, and by which method.

A URL that isn't in MATRIX fails: whoever adds one says here who may open it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from portal.access.models import (
    AwsSession,
    ConsoleLink,
    DenyDocument,
    Grant,
    PartnerRole,
    RoleDrift,
    UserKey,
)
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.credential_tokens import make_credential_token
from portal.access.operations.partners.watch_sponsors import watch_sponsors
from portal.directory.models import (
    ApiToken,
    AuthenticatorApp,
    ExternalIdentity,
    IdentityProvider,
    Partner,
    Person,
    ScimToken,
    SignIn,
)
from portal.directory.operations.api_tokens import create_token
from portal.web.urls import urlpatterns
from tests.entitled import entitle, make_group
from tests.fake_ldap import make_directory
from tests.fakes import FakeAws
from tests.integration.web.partner_rows import (
    make_account_grant,
    make_drift,
    make_partner,
    make_partner_account,
    make_place,
)
from tests.partners import account_grant, partner_account
from tests.partners import make_partner as one_partner
from tests.sign_ins import browser_of, sign_in_of
from tests.world import as_actor, make_admin, make_grant, make_person, make_role, signed_in

DESTINATION = "https://console.aws.amazon.com/s3/home"
Make = Callable[[Person, FakeAws], dict[str, Any]]


def a_grant(owner: Person, _: FakeAws) -> dict[str, Any]:
    return {"grant_id": make_grant(owner).pk}


def a_link(owner: Person, aws: FakeAws) -> dict[str, Any]:
    grant = make_grant(owner)
    made = make_console_link(
        grant_id=grant.pk, destination=DESTINATION, aws=aws.ports(), actor=as_actor(owner)
    )
    return {"token": made.token}


def a_token(owner: Person, _: FakeAws) -> dict[str, Any]:
    made = create_token(name="report", scopes=["grants:read"], days=1, actor=as_actor(owner))
    return {"token_id": made.token.pk}


def a_program(owner: Person, _: FakeAws) -> dict[str, Any]:
    grant = make_grant(owner)
    made = make_credential_token(grant_id=grant.pk, name="report", actor=as_actor(owner))
    return {"grant_id": grant.pk, "token_id": made.token.pk}


def a_role(owner: Person, _: FakeAws) -> dict[str, Any]:
    return {"role_id": make_grant(owner).role_id}


def a_role_by_name(owner: Person, _: FakeAws) -> dict[str, Any]:
    role = make_grant(owner).role
    return {"account": role.account.account_id, "role": role.name}


def a_document(owner: Person, _: FakeAws) -> dict[str, Any]:
    role = make_grant(owner).role
    return {"document_id": DenyDocument.objects.create(account=role.account, kind="role", name=role.name).pk}


def an_iam_user(owner: Person, _: FakeAws) -> dict[str, Any]:
    role = make_role(method="session_token", allows_console=False)
    make_grant(owner, role)
    UserKey.objects.create(
        role=role,
        person=owner,
        access_key_id="AKIAABCDEFGHIJKLMNOP",
        mfa_serial="GAHT12345678",
        kept_at=datetime.now(UTC),
    )
    return {"role_id": role.pk}


def a_factor(owner: Person, _: FakeAws) -> dict[str, Any]:
    app = AuthenticatorApp.objects.create(person=owner, name="Phone", sealed_secret=b"none")
    return {"factor_id": app.pk}


def a_sign_in(owner: Person, _: FakeAws) -> dict[str, Any]:
    elsewhere = sign_in_of(browser_of(owner))
    assert elsewhere is not None
    return {"sign_in_id": elsewhere.pk}


def a_directory(_: Person, __: FakeAws) -> dict[str, Any]:
    return {"slug": make_directory().slug}


def a_scim_token(_: Person, __: FakeAws) -> dict[str, Any]:
    now = datetime.now(UTC)
    made = ScimToken.objects.create(
        provider=make_directory(),
        name="n",
        prefix="scim_1",
        digest="0" * 64,
        expires_at=now + timedelta(days=1),
    )
    return {"token_id": made.pk}


def a_partner(owner: Person, _: FakeAws) -> dict[str, Any]:
    """One whose person the owner is."""
    owner.partner = make_partner()
    owner.save()
    return {"slug": owner.partner.slug}


def a_partner_account(owner: Person, aws: FakeAws) -> dict[str, Any]:
    known = a_partner(owner, aws)
    assert owner.partner is not None
    return {**known, "account_id": make_partner_account(owner.partner).pk}


def an_account(owner: Person, _: FakeAws) -> dict[str, Any]:
    return {"number": make_grant(owner).role.account.account_id}


def an_account_file(owner: Person, aws: FakeAws) -> dict[str, Any]:
    return {**an_account(owner, aws), "key": "terraform"}


def a_drift(owner: Person, aws: FakeAws) -> dict[str, Any]:
    """One of a role that was made for the owner's own company."""
    a_partner(owner, aws)
    assert owner.partner is not None
    ours = make_place()
    grant = make_account_grant(make_partner_account(owner.partner), ours)
    return {"drift_id": make_drift(PartnerRole.objects.get(grant=grant), ours).pk}


def a_company_grant(owner: Person, _: FakeAws) -> dict[str, Any]:
    """One to an account of the company that the owner looks after."""
    return {"grant_id": account_grant(partner_account(a_company(owner))).pk}


def a_company_text(owner: Person, aws: FakeAws) -> dict[str, Any]:
    return {**a_company_grant(owner, aws), "key": "profile"}


def a_colleague(owner: Person, _: FakeAws) -> dict[str, Any]:
    return {"person_id": make_person("Colleague", partner=a_company(owner)).pk}


def a_former_colleague(owner: Person, _: FakeAws) -> dict[str, Any]:
    gone: dict[str, Any] = {
        "is_active": False,
        "deactivated_at": owner.created_at,
        "deactivated_by_company": True,
    }
    return {"person_id": make_person("Colleague", partner=a_company(owner), **gone).pk}


def a_partner_without_sponsor(owner: Person, _: FakeAws) -> dict[str, Any]:
    partner = one_partner("Acme", deputy=owner)
    watch_sponsors(at=datetime.now(UTC))
    return {"partner_id": partner.pk}


def a_company(owner: Person) -> Partner:
    owner.partner, owner.is_partner_admin = one_partner("Acme"), True
    owner.save()
    return owner.partner


@dataclass(frozen=True)
class Door:
    """An address that takes an id. `get`, `post`: what its own person is answered; 405 where it isn't a method."""

    make: Make
    get: int
    post: int


def an_offer(owner: Person, _: FakeAws) -> dict[str, Any]:
    return {"entitlement_id": entitle(make_group(owner), make_role()).pk}


def an_identity(owner: Person, _: FakeAws) -> dict[str, Any]:
    second = IdentityProvider.objects.create(slug="second", name="Second")
    return {"identity_id": ExternalIdentity.objects.create(provider=second, person=owner, subject="x").pk}


MATRIX = {
    # Only just after a sign-in; test_identities.py is about that.
    "unlink": Door(an_identity, get=403, post=403),
    "take": Door(an_offer, get=200, post=303),
    "grant": Door(a_grant, get=200, post=405),
    # Of grants to partners' accounts, which nobody holds; test_partner_grant_page.py is about it.
    "grant-role": Door(a_grant, get=404, post=405),
    "use-it": Door(a_grant, get=200, post=405),
    "credentials": Door(a_grant, get=405, post=200),
    "open-console": Door(a_grant, get=405, post=303),
    # Without a name nothing is made; test_programs.py is about it.
    "programs": Door(a_grant, get=200, post=400),
    "program-revoke": Door(a_program, get=405, post=303),
    "why": Door(a_grant, get=200, post=405),
    "extend": Door(a_grant, get=403, post=403),
    "release": Door(a_grant, get=200, post=303),
    "revoke": Door(a_grant, get=403, post=403),
    "cut-sessions": Door(a_grant, get=403, post=403),
    # What is there is for those who may revoke alone; test_cut_role.py is about them.
    "cut-role": Door(a_document, get=404, post=404),
    "cut-role-of": Door(a_role, get=405, post=404),
    # Providers are there for those who look after them alone; test_providers.py is about them.
    "provider": Door(a_directory, get=404, post=405),
    "provider-test": Door(a_directory, get=405, post=404),
    "provider-sync": Door(a_directory, get=405, post=404),
    "provider-sync-state": Door(a_directory, get=404, post=405),
    "provider-sync-approve": Door(a_directory, get=404, post=404),
    "provider-refresh": Door(a_directory, get=405, post=404),
    "provider-decide": Door(a_directory, get=405, post=404),
    "provider-try": Door(a_directory, get=404, post=404),
    "scim-token-create": Door(a_directory, get=405, post=404),
    "scim-token-revoke": Door(a_scim_token, get=405, post=404),
    # Partners are there for admins who look after them alone; the tests in partners/ are about them.
    "partner": Door(a_partner, get=404, post=405),
    "partner-roles": Door(a_partner, get=404, post=405),
    "partner-grant": Door(a_partner, get=404, post=404),
    "partner-suspend": Door(a_partner, get=404, post=404),
    "partner-resume": Door(a_partner, get=404, post=404),
    "partner-ended": Door(a_partner, get=404, post=405),
    "partner-ended-state": Door(a_partner, get=404, post=405),
    "partner-account-new": Door(a_partner, get=404, post=404),
    "partner-account": Door(a_partner_account, get=404, post=405),
    "partner-proofs": Door(a_partner_account, get=404, post=405),
    "partner-prove": Door(a_partner_account, get=405, post=404),
    "partner-account-rotate": Door(a_partner_account, get=404, post=404),
    "partner-account-close": Door(a_partner_account, get=404, post=404),
    # AWS accounts are there for those who look after them alone; test_accounts.py is about them.
    "aws-account": Door(an_account, get=404, post=405),
    "aws-account-verify": Door(an_account, get=405, post=404),
    "aws-account-state": Door(an_account, get=404, post=405),
    "aws-account-file": Door(an_account_file, get=404, post=405),
    "drift-repair": Door(a_drift, get=404, post=404),
    "drift-accept": Door(a_drift, get=404, post=404),
    # A partner's own; test_company.py and test_company_people.py are about these.
    "company-grant": Door(a_company_grant, get=200, post=405),
    "company-grant-zip": Door(a_company_grant, get=200, post=405),
    "company-grant-text": Door(a_company_text, get=200, post=405),
    "colleague-deactivate": Door(a_colleague, get=200, post=303),
    "colleague-reactivate": Door(a_former_colleague, get=200, post=303),
    # What isn't asked for is taken from them: they are no admin yet.
    "colleague-admin": Door(a_colleague, get=405, post=409),
    # Without a name there is nobody to answer; test_sponsor_questions.py is about it.
    "answer-for": Door(a_partner_without_sponsor, get=200, post=400),
    "take-over": Door(a_partner_without_sponsor, get=405, post=303),
    # A link that says what is meant; test_go.py is about it.
    "go": Door(a_role_by_name, get=200, post=405),
    "console-link": Door(a_link, get=200, post=303),
    "token-revoke": Door(a_token, get=405, post=303),
    # Without a key nothing is kept; test_iam_users.py is about it.
    "iam-user": Door(an_iam_user, get=200, post=400),
    "iam-user-forget": Door(an_iam_user, get=405, post=303),
    # To the page that asks for the factor first; test_account.py is about what comes after.
    "factor-remove": Door(a_factor, get=303, post=303),
    "sign-in-end": Door(a_sign_in, get=405, post=303),
}
# Before anybody is signed in; test_saml.py and test_sign_in.py are about these.
OPEN = {
    "ldap-sign-in", "saml-begin", "saml-finish", "saml-unasked", "oidc-begin",
    "oidc-back-channel", "oidc-front-channel",
}  # fmt: skip
PLAIN = {
    "my-access", "grants-fragment", "tokens", "sign-in", "saml-acs", "saml-metadata", "saml-slo", "sign-out",
    "oidc-callback",
    # test_local_sign_in.py is about these.
    "local-sign-in", "local-factor",
    # test_account.py and test_step_up.py are about these.
    "account", "account-app", "account-passkey", "account-codes", "sign-ins-end", "step-up",
    # test_iam_users.py is about it.
    "iam-users",
    # test_now.py, test_health.py and test_metrics.py are about these.
    "now", "now-state", "now-next", "now-cutoffs", "now-retry", "healthz", "readyz", "metrics",
    # test_difference.py is about these.
    "difference", "difference-look", "difference-repair", "difference-release",
    # test_providers.py and test_doctor.py are about these.
    "providers", "doctor",
    # test_company.py, test_company_people.py and test_company_trail.py are about these.
    "company", "company-people", "company-trail", "company-trail-csv",
    # The tests in partners/ are about these.
    "partners", "partner-new", "partner-colleagues", "drift", "drift-state", "drift-check",
    # test_accounts.py is about these.
    "accounts", "account-connect",
    # test_device.py is about these.
    "device", "oauth-device-authorization", "oauth-token", "oauth-revoke", "oauth-metadata",
}  # fmt: skip
BODY = {"destination": DESTINATION, "reason": "enough"}


def names(*, with_id: bool) -> set[str]:
    assert all(isinstance(pattern, URLPattern) for pattern in urlpatterns)
    return {str(p.name) for p in urlpatterns if bool(p.pattern.converters) is with_id}


def test_each_address_is_in_the_matrix() -> None:
    assert names(with_id=True) == set(MATRIX) | OPEN
    assert names(with_id=False) == PLAIN


@pytest.fixture(params=sorted(MATRIX))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(name: str, ben: Person, aws: FakeAws) -> str:
    return reverse(f"web:{name}", kwargs=MATRIX[name].make(ben, aws))


def test_its_own_person_gets_in(name: str, url: str, ben: Person) -> None:
    assert signed_in(ben).get(url).status_code == MATRIX[name].get
    assert signed_in(ben).post(url, BODY).status_code == MATRIX[name].post


def test_anothers_is_not_there(name: str, url: str, mallory: Person, aws: FakeAws) -> None:
    before = state()
    client = signed_in(mallory)
    assert client.get(url).status_code == (405 if MATRIX[name].get == 405 else 404)
    assert client.post(url, BODY).status_code == (405 if MATRIX[name].post == 405 else 404)
    assert client.post(url, {"other_destination": "https://evil.example.test"}).status_code in {404, 405}
    assert aws.calls == []
    assert state() == before


@pytest.mark.thorough
def test_anothers_looks_like_one_that_never_was(name: str, url: str, mallory: Person) -> None:
    kwargs = {
        "identity_id": uuid4(), "entitlement_id": uuid4(), "grant_id": uuid4(), "token_id": uuid4(),
        "token": "never-made", "role_id": uuid4(),
        "document_id": 10**9, "slug": "never-made", "account_id": uuid4(),
        "factor_id": uuid4(), "sign_in_id": uuid4(), "drift_id": uuid4(),
        "person_id": uuid4(), "partner_id": uuid4(), "key": "never-made",
        "number": "000000000000", "account": "000000000000", "role": "NeverMade",
    }  # fmt: skip
    parameters = [key for key in kwargs if f"<{key}>" in route(name) or f":{key}>" in route(name)]
    assert parameters
    unknown = reverse(f"web:{name}", kwargs={key: kwargs[key] for key in parameters})
    client = signed_in(mallory)
    theirs, nobodys = client.post(url, BODY), client.post(unknown, BODY)
    assert theirs.status_code == nobodys.status_code
    if theirs.status_code == 404:
        assert without_reference(theirs.content, theirs.headers["X-Request-Id"]) == without_reference(
            nobodys.content, nobodys.headers["X-Request-Id"]
        )


@pytest.mark.thorough
def test_an_anonymous_visitor_is_sent_to_sign_in(name: str, url: str, aws: FakeAws) -> None:
    before, client = state(), Client()
    got, posted = client.get(url), client.post(url, BODY)
    if MATRIX[name].get != 405:
        assert (got.status_code, got.headers["Location"]) == (303, f"/sign-in/?next={url}")
    if MATRIX[name].post != 405:
        assert (posted.status_code, posted.headers["Location"]) == (303, "/sign-in/")
    assert aws.calls == []
    assert state() == before


@pytest.mark.thorough
def test_a_deactivated_person_is_nobody_from_the_next_request(
    name: str, url: str, ben: Person, aws: FakeAws
) -> None:
    client = signed_in(ben)
    ben.is_active, ben.deactivated_at = False, ben.created_at
    ben.save()
    before = state()
    answers = [client.get(url), client.post(url, BODY)]
    assert all(
        answer.status_code == 405 or answer.headers.get("Location", "").startswith("/sign-in/")
        for answer in answers
    )
    assert aws.calls == []
    assert state() == before


@pytest.mark.thorough
def test_a_get_changes_nothing(name: str, url: str, ben: Person, aws: FakeAws) -> None:
    before = state()
    for client in (signed_in(ben), signed_in(make_admin("revoke_grant", "view_grant"))):
        client.get(url)
        client.head(url)
    assert aws.calls == []
    assert state() == before


@pytest.mark.thorough
def test_a_forged_form_is_refused(name: str, url: str, ben: Person, aws: FakeAws) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ben)
    before = state()
    assert client.post(url, BODY).status_code in {403, 405}
    assert aws.calls == []
    assert state() == before


def route(name: str) -> str:
    return next(str(p.pattern) for p in urlpatterns if p.name == name)


def without_reference(page: bytes, reference: str) -> list[str]:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.decode().replace(reference, "")).split()


def state() -> list[tuple[UUID | int, str]]:
    """What a refused request must leave as it was."""
    return [
        *Grant.objects.order_by("pk").values_list("pk", "state"),
        *AwsSession.objects.order_by("pk").values_list("pk", "state"),
        *((each.pk, str(each.issued_before)) for each in DenyDocument.objects.order_by("pk")),
        *((link.pk, str(link.used_at)) for link in ConsoleLink.objects.order_by("pk")),
        *((key.pk, f"{key.person_id} {key.access_key_id}") for key in UserKey.objects.order_by("pk")),
        *RoleDrift.objects.order_by("pk").values_list("pk", "state"),
        *((token.pk, str(token.revoked_at)) for token in ScimToken.objects.order_by("pk")),
        *((token.pk, str(token.revoked_at)) for token in ApiToken.objects.order_by("pk")),
        *((app.pk, app.name) for app in AuthenticatorApp.objects.order_by("pk")),
        *((sign_in.pk, sign_in.session_key) for sign_in in SignIn.objects.order_by("pk")),
        *(
            (person.pk, f"{person.is_active} {person.is_partner_admin}")
            for person in Person.objects.exclude(partner=None).order_by("pk")
        ),
        *((partner.pk, str(partner.sponsor_id)) for partner in Partner.objects.order_by("pk")),
    ]
