"""What every answer carries, whoever asks and whatever comes of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from portal.access.models import PartnerRole
from portal.access.operations.partners.watch_sponsors import watch_sponsors
from portal.catalog.models import AwsAccount
from portal.directory.models import Person, SyncRun
from tests.factors import add_app, add_device
from tests.fake_ldap import make_directory
from tests.integration.web import partner_rows as rows
from tests.integration.web.saml_visits import make_provider
from tests.partners import account_grant, make_partner, partner_account
from tests.sign_ins import browser_of
from tests.world import Answer, make_admin, make_grant, make_person, make_role, signed_in

Visit = Callable[[Person], Answer]


def _get(path: str) -> Visit:
    return lambda person: signed_in(person).get(path, headers={"HX-Request": "true"})


def _stranger(path: str, **headers: str) -> Visit:
    return lambda _: Client(raise_request_exception=False).get(path, headers=headers)


def _credentials(person: Person) -> Answer:
    return signed_in(person).post(reverse("web:credentials", args=[make_grant(person).pk]))


def _grant(person: Person) -> Answer:
    return signed_in(person).get(reverse("web:grant", args=[make_grant(person).pk]))


def _go(person: Person) -> Answer:
    role = make_grant(person).role
    return signed_in(person).get(reverse("web:go", args=[role.account.account_id, role.name]))


def _use(person: Person) -> Answer:
    return signed_in(person).get(reverse("web:use-it", args=[make_grant(person).pk]))


def _why(person: Person) -> Answer:
    return signed_in(person).get(reverse("web:why", args=[make_grant(person).pk]))


def _revoke(person: Person) -> Answer:
    return signed_in(make_admin("revoke_grant")).get(reverse("web:revoke", args=[make_grant(person).pk]))


def _key_page(person: Person) -> str:
    role = make_role(method="session_token", allows_console=False)
    make_grant(person, role)
    return reverse("web:iam-user", args=[role.pk])


def _iam_users(person: Person) -> Answer:
    _key_page(person)
    return signed_in(person).get("/iam-users/")


def _iam_user(person: Person) -> Answer:
    return signed_in(person).get(_key_page(person))


def _refused_key(person: Person) -> Answer:
    return signed_in(person).post(_key_page(person), {"access_key_id": "ASIA"})


def _conflict(person: Person) -> Answer:
    grant = make_grant(person, ends_at=person.created_at)
    return signed_in(person).post(reverse("web:credentials", args=[grant.pk]))


def _forged(person: Person) -> Answer:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    return client.post("/tokens/")


def _directory(person: Person) -> Answer:
    del person
    return Client().get(reverse("web:ldap-sign-in", args=[make_directory().slug]))


def _codes(person: Person) -> Answer:
    add_app(person)
    return browser_of(person, factor_minutes=1).post("/account/codes/")


def _step_up(person: Person) -> Answer:
    add_device(person)
    grant = make_grant(person, make_role(factor_minutes=5))
    browser = browser_of(person)
    return browser.get(browser.post(reverse("web:credentials", args=[grant.pk])).headers["Location"])


def _device(person: Person) -> Answer:
    asked = Client().post("/oauth/device_authorization", {"client_id": "sallyport-cli"}).json()
    return signed_in(person).get(asked["verification_uri_complete"])


def _company(path: str) -> Visit:
    def visit(person: Person) -> Answer:
        person.partner, person.is_partner_admin = make_partner(), True
        person.save()
        grant = account_grant(partner_account(person.partner))
        return signed_in(person).get(path.format(grant=grant.pk, person=person.pk))

    return visit


def _asked(person: Person) -> Answer:
    partner = make_partner(deputy=person)
    watch_sponsors(at=datetime.now(UTC))
    return signed_in(person).get(reverse("web:answer-for", args=[partner.pk]))


def _account(path: str) -> Visit:
    def visit(_: Person) -> Answer:
        AwsAccount.objects.create(name="Meadow Production", account_id="222233334444")
        return signed_in(make_person("Ruth Root", is_staff=True, is_superuser=True)).get(path)

    return visit


def _root(path: str) -> Visit:
    def visit(_: Person) -> Answer:
        make_provider("corp", entity_id="urn:corp")
        SyncRun.objects.create(provider=make_directory(), state="stopped", asked_at=datetime.now(UTC), gone=3)
        return signed_in(make_person("Ruth Root", is_staff=True, is_superuser=True)).get(path)

    return visit


def _partners(path: str = "", **sent: str) -> Visit:
    """A page about a partner that has something of everything; with `sent`, what a form answers."""

    def visit(_: Person) -> Answer:
        partner = rows.make_partner()
        account, ours = rows.make_partner_account(partner), rows.make_place()
        role = PartnerRole.objects.get(grant=rows.make_account_grant(account, ours, state="standing"))
        rows.make_account_grant(account, ours, state="closing")
        rows.make_proof(account, ours)
        drift = rows.make_drift(role, ours)
        suspended = rows.make_partner("Beta", suspended_at=datetime.now(UTC))
        known = {"acme": partner.slug, "beta": suspended.slug, "account": account.pk, "drift": drift.pk}
        client = signed_in(make_person("Ruth Root", is_staff=True, is_superuser=True))
        where = f"/partners/{path.format(**known)}"
        return client.post(where, sent) if sent else client.get(where)

    return visit


PAGES: dict[str, tuple[Visit, int]] = {
    "my access": (_get("/"), 200),
    "polled": (_get("/grants/"), 200),
    "tokens": (_get("/tokens/"), 200),
    "credentials": (_credentials, 200),
    "account": (_get("/account/"), 200),
    "IAM users": (_iam_users, 200),
    "an IAM user's key": (_iam_user, 200),
    "a refused key": (_refused_key, 400),
    "to a second factor": (_get("/account/app/"), 403),
    "add an app": (lambda person: browser_of(person).get("/account/app/"), 200),
    "add a passkey": (lambda person: browser_of(person).get("/account/passkey/"), 200),
    "recovery codes": (_codes, 200),
    "step up": (_step_up, 200),
    "sign in a program": (_get("/device"), 200),
    "a program that asks": (_device, 200),
    "a wrong code": (_get("/device?user_code=BBBB-BBBB"), 400),
    "a program's own door": (_stranger("/.well-known/oauth-authorization-server"), 200),
    "a program that is refused": (lambda _: Client().post("/oauth/token"), 400),
    "a link that says what is meant": (_go, 200),
    "such a link to nothing": (_get("/go/000000000000/ReadOnly"), 404),
    "ways to use a grant": (_use, 200),
    "grant": (_grant, 200),
    "revoke": (_revoke, 200),
    "difference": (lambda _: signed_in(make_admin("revoke_grant")).get("/now/difference/"), 200),
    "sign in": (_stranger("/sign-in/"), 200),
    "sign in at a directory": (_directory, 200),
    "no emergency accounts": (_stranger("/sign-in/local/"), 404),
    "signed out": (lambda _: Client().post("/sign-out"), 200),
    "to sign in": (_stranger("/"), 303),
    "refused sign-in": (lambda _: Client().post("/sign-in/saml/acs"), 403),
    "refused OpenID sign-in": (_stranger("/sign-in/oidc/callback"), 403),
    "refused log-out": (lambda _: Client().get("/sign-in/saml/slo"), 403),
    "metadata": (_stranger("/sign-in/saml/metadata"), 200),
    "health": (_stranger("/healthz"), 200),
    "ready": (_stranger("/readyz"), 200),
    "metrics": (_stranger("/metrics"), 200),
    "now": (lambda _: _get("/now/")(make_admin("revoke_grant")), 200),
    "now, not theirs": (_get("/now/"), 403),
    "doctor": (_root("/doctor/"), 200),
    "doctor, one's own": (_get("/doctor/"), 200),
    "why": (_why, 200),
    "accounts": (_account("/accounts/"), 200),
    "connect an account": (_account("/accounts/connect/"), 200),
    "an account": (_account("/accounts/222233334444/"), 200),
    "an account's file": (_account("/accounts/222233334444/files/terraform"), 200),
    "accounts, not theirs": (_get("/accounts/"), 404),
    "providers": (_root("/providers/"), 200),
    "providers, not theirs": (_get("/providers/"), 403),
    "a SAML provider": (_root("/providers/corp/"), 200),
    "a directory": (_root("/providers/office/"), 200),
    "a mapping": (_root("/providers/corp/try"), 200),
    "a sync that asks": (_root("/providers/office/sync/yes"), 200),
    "company": (_company("/company/"), 200),
    "company, not theirs": (_get("/company/"), 404),
    "hand-over": (_company("/company/grants/{grant}/"), 200),
    "hand-over, all files": (_company("/company/grants/{grant}/all.zip"), 200),
    "hand-over, one text": (_company("/company/grants/{grant}/boto3.txt"), 200),
    "colleagues": (_company("/company/people/"), 200),
    "a colleague to deactivate": (_company("/company/people/{person}/deactivate/"), 200),
    "company's trail": (_company("/company/trail/"), 200),
    "company's trail as CSV": (_company("/company/trail.csv"), 200),
    "who answers for a partner": (_asked, 200),
    "partners": (_partners(), 200),
    "a new partner": (_partners("new/"), 200),
    "a refused partner": (_partners("new/", name="x"), 400),
    "a partner": (_partners("{acme}/"), 200),
    "a grant to an account": (_partners("{acme}/grant/"), 200),
    "a refused one": (_partners("{acme}/grant/", act="preview"), 400),
    "a suspension": (_partners("{acme}/suspend/"), 200),
    "its progress": (_partners("{beta}/ended/"), 200),
    "resuming": (_partners("{beta}/resume/"), 200),
    "another account": (_partners("{acme}/accounts/new/"), 200),
    "a partner's account": (_partners("{acme}/accounts/{account}/"), 200),
    "a rotation": (_partners("{acme}/accounts/{account}/rotate/"), 200),
    "a closing": (_partners("{acme}/accounts/{account}/close/"), 200),
    "drift": (_partners("drift/"), 200),
    "a repair": (_partners("drift/{drift}/repair/"), 200),
    "an acceptance": (_partners("drift/{drift}/accept/"), 200),
    "partners, not theirs": (_get("/partners/"), 404),
    "nothing here": (_stranger("/nothing"), 404),
    "wrong method": (_stranger("/sign-out"), 405),
    "wrong host": (_stranger("/", host="evil.example.test"), 400),
    "forged": (_forged, 403),
    "too late": (_conflict, 409),
}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_each_page(ben: Person, page: str) -> None:
    visit, status = PAGES[page]
    answer = visit(ben)
    assert answer.status_code == status
    is_never_kept_framed_or_sniffed(answer)
    has_a_strict_policy(answer)
    holds_no_inline_script_or_style(answer)


def is_never_kept_framed_or_sniffed(answer: Answer) -> None:
    assert "no-store" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


def has_a_strict_policy(answer: Answer) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["object-src"] == directives["base-uri"] == "'none'"
    assert "script-src" not in directives
    assert "style-src" not in directives
    assert directives["form-action"].startswith("'self'")


def holds_no_inline_script_or_style(answer: Answer) -> None:
    page = answer.content.decode(errors="replace")
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", page)


def test_forms_lead_to_identity_providers_from_the_sign_in_page_alone(ben: Person) -> None:
    make_provider()
    policy = Client().get("/sign-in/").headers["Content-Security-Policy"]
    assert "form-action 'self' https://idp.example.test" in policy
    assert "idp.example.test" not in signed_in(ben).get("/tokens/").headers["Content-Security-Policy"]


def test_framing_is_denied_for_old_browsers_too(ben: Person) -> None:
    assert signed_in(ben).get("/").headers["X-Frame-Options"] == "DENY"


def test_a_failure_on_our_side_tells_nothing_of_itself(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.web.my_access.grants_of", lambda *_, **__: 1 / 0)
    client = Client(raise_request_exception=False)
    client.force_login(ben)
    answer = client.get("/")
    assert answer.status_code == 500
    assert b"Something broke on our side" in answer.content
    assert b"ZeroDivision" not in answer.content
    assert "no-store" in answer.headers["Cache-Control"]


def test_error_pages_name_the_request_that_the_audit_trail_names(client: Client, db: None) -> None:
    answer = client.post("/sign-in/saml/acs")
    assert answer.headers["X-Request-Id"].encode() in answer.content


def test_under_tls_only_what_watches_is_answered_without(
    client: Client, settings: LazySettings, db: None
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/sign-in/").status_code == 301
    assert client.get("/now/").status_code == 301
    assert client.get("/healthz").content == b"ok"
    assert client.get("/readyz").status_code == client.get("/metrics").status_code == 200
