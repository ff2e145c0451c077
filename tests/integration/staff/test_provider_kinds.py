"""A provider's kind is chosen first and stays; its settings are judged in words; its secrets never come out."""

from typing import Any

import pytest
from django.test import Client

from portal.directory.models import IdentityProvider, LdapSettings, OidcSettings, Partner, Person
from portal.kernel.sealing import unseal
from tests.integration.staff.pages import errors_of, fields_of, save, trail
from tests.saml_forge.keys import rsa_key
from tests.world import make_admin, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
ADD = "/manage/directory/identityprovider/add/"
SECRET = "correct horse battery staple"
LDAP = {
    "ldap-0-urls": "ldaps://dc1.example.com\nldaps://dc2.example.com:3269",
    "ldap-0-bind_dn": "cn=reader,dc=example,dc=com",
    "ldap-0-bind_password": SECRET,
    "ldap-0-people_base": "ou=people,dc=example,dc=com",
    "ldap-0-groups_base": "ou=groups,dc=example,dc=com",
}
OIDC = {
    "oidc-0-issuer": "https://login.example.com/realms/own",
    "oidc-0-client_id": "sallyport",
    "oidc-0-client_secret": SECRET,
}
ABOUT = {"name": "Head office", "slug": "office"}


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


def add(client: Client, choice: str, **changes: Any) -> Any:
    """Fill in the form that the kind's own page shows."""
    sent = {**ABOUT, **(OIDC if choice == "oidc" else LDAP), **changes}
    return save(client, f"{ADD}?kind={choice}", **sent)


def address(provider: IdentityProvider) -> str:
    return f"/manage/directory/identityprovider/{provider.pk}/change/"


def made() -> IdentityProvider:
    return IdentityProvider.objects.get(slug=ABOUT["slug"])


def is_made() -> bool:
    return IdentityProvider.objects.filter(slug=ABOUT["slug"]).exists()


def test_the_kind_is_asked_for_first(client: Client) -> None:
    page = client.get(ADD)
    told = page.content.decode()
    assert [f"?kind={kind}" in told for kind in ("saml", "oidc", "ad", "ldap", "local")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert client.get(ADD, {"kind": "local"}).content.count(b"?kind=") == 4
    assert "adminform" not in page.context
    assert client.post(ADD, {**ABOUT, "kind": "local"}).status_code == 200
    assert not is_made()


@pytest.mark.parametrize(
    ("choice", "kind", "name", "email"),
    [("ldap", "ldap", "displayName", "mail"), ("ad", "ldap", "displayName", "mail"), ("oidc", "oidc", "name", "email")],
)  # fmt: skip
def test_each_kind_has_its_own_settings_and_names(
    client: Client, choice: str, kind: str, name: str, email: str
) -> None:
    assert errors_of(add(client, choice)) == {}
    provider = made()
    assert (provider.kind, provider.name_attribute, provider.email_attribute) == (kind, name, email)
    [settings] = [each for each in ("saml", "ldap", "oidc") if getattr(provider, each, None) is not None]
    assert settings == kind


def test_active_directory_begins_with_its_own_words(client: Client) -> None:
    add(client, "ad")
    settings = LdapSettings.objects.get()
    assert (settings.flavour, settings.login_attribute, settings.id_attribute, settings.nesting) == (
        "ad", "sAMAccountName", "objectGUID", "in_chain",
    )  # fmt: skip
    assert settings.urls == ["ldaps://dc1.example.com", "ldaps://dc2.example.com:3269"]


def test_the_kind_stays(client: Client) -> None:
    add(client, "oidc")
    assert errors_of(save(client, address(made()), kind="ldap", name="Other")) == {}
    assert (made().kind, made().name) == ("oidc", "Other")


def test_settings_can_not_be_left_out(client: Client) -> None:
    refused = add(client, "oidc", **{"oidc-TOTAL_FORMS": "0"})
    assert set(errors_of(refused)) == {"oidc"}
    assert not is_made()


@pytest.mark.parametrize(
    ("choice", "field", "kept"),
    [("ldap", "bind_password", "sealed_bind_password"), ("oidc", "client_secret", "sealed_client_secret")],
)
def test_a_secret_goes_in_and_never_comes_out(client: Client, choice: str, field: str, kept: str) -> None:
    add(client, choice)
    provider, name = made(), f"{choice}-0-{field}"

    def secret() -> str | None:
        sealed = getattr(type(getattr(provider, choice)).objects.get(), kept)
        return unseal(bytes(sealed)).decode() if sealed else None

    assert secret() == SECRET
    page = client.get(address(provider))
    assert SECRET not in page.content.decode()
    assert not fields_of(page).get(name)
    assert errors_of(save(client, address(provider), name="Other")) == {}
    assert secret() == SECRET
    assert errors_of(save(client, address(provider), **{name: "new"})) == {}
    assert secret() == "new"
    both = {name: "newer", f"{choice}-0-remove_{field}": "on"}
    assert "not both" in errors_of(save(client, address(provider), **both))[name][0]
    gone = {f"{choice}-0-remove_{field}": "on", "ldap-0-bind_dn": ""}
    assert errors_of(save(client, address(provider), **gone)) == {}
    assert secret() is None
    rows = [str(row.details) for kind in ("added", "changed") for row in trail(f"staff.record.{kind}")]
    assert not any(SECRET in row or "newer" in row for row in rows)
    told = [row.details["values"].get(f"{choice}.{field}") for row in trail("staff.record.changed")]
    assert told == [None, "set", "removed"]


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"urls": "ldap://dc1.example.com"}, "urls", "in the clear"),
        ({"urls": "ldap://192.0.2.7"}, "urls", "in the clear"),
        ({"urls": "https://dc1.example.com"}, "urls", "no LDAP address"),
        ({"urls": "ldaps://"}, "urls", "no LDAP address"),
        ({"urls": "ldaps://dc1:x"}, "urls", "no LDAP address"),
        ({"urls": "ldaps://dc1.example.com/dc=example"}, "urls", "more than where"),
        ({"urls": "ldaps://me:secret@dc1.example.com"}, "urls", "more than where"),
        ({"urls": ""}, "urls", "Say where"),
        ({"ca_certificates": "nonsense"}, "ca_certificates", "PEM"),
        ({"people_filter": "(objectClass=person"}, "people_filter", "not closed"),
        ({"people_filter": "(a=b))"}, "people_filter", "one filter"),
        ({"people_filter": "(a=b)(c=d)"}, "people_filter", "one filter"),
        ({"people_filter": "objectClass=person"}, "people_filter", "in parentheses"),
        ({"groups_filter": "(cn=*"}, "groups_filter", "not closed"),
        ({"people_base": "people"}, "people_base", "distinguished name"),
        ({"groups_base": "groups"}, "groups_base", "distinguished name"),
        ({"login_attribute": "uid)(cn=*"}, "login_attribute", "one attribute"),
        ({"id_attribute": "a b"}, "id_attribute", "one attribute"),
        ({"bind_password": ""}, "bind_password", "needs its password"),
        ({"bind_dn": ""}, "bind_dn", "Whose password"),
        ({"bind_by_kerberos": "on"}, "bind_by_kerberos", "The keytab says who"),
        ({"bind_by_kerberos": "on", "bind_dn": ""}, "bind_by_kerberos", "remove the bind password"),
        ({"bind_by_kerberos": "on", "bind_password": ""}, "bind_by_kerberos", "leave the name empty"),
        ({"nesting": "in_chain"}, "nesting", "Only Active Directory"),
    ],
)  # fmt: skip
def test_settings_that_a_directory_or_we_refuse(
    client: Client, changed: dict[str, str], field: str, words: str
) -> None:
    refused = errors_of(add(client, "ldap", **{f"ldap-0-{name}": value for name, value in changed.items()}))
    assert set(refused) == {f"ldap-0-{field}"}
    assert words in refused[f"ldap-0-{field}"][0]
    assert not is_made()
    assert errors_of(add(client, "ldap")) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"urls": "ldap://dc1.example.com", "start_tls": "on"},
        {"urls": "ldap://127.0.0.1:3890"},
        {"urls": "ldap://[::1]"},
        {"urls": "ldap://localhost"},
        {"ca_certificates": rsa_key("ca").certificate},
        {"people_filter": "(&(objectClass=person)(!(memberOf=cn=x,dc=y)))"},
        {"bind_password": "", "bind_dn": ""},
        {"bind_password": "", "bind_dn": "", "bind_by_kerberos": "on"},
    ],
)
def test_settings_that_are_fine(client: Client, changed: dict[str, str]) -> None:
    assert (
        errors_of(add(client, "ldap", **{f"ldap-0-{name}": value for name, value in changed.items()})) == {}
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"issuer": "http://login.example.com"}, "issuer"),
        ({"issuer": "https://me@login.example.com"}, "issuer"),
        ({"issuer": "https://login.example.com/#x"}, "issuer"),
        ({"issuer": "login"}, "issuer"),
        ({"scopes": "profile email"}, "scopes"),
        ({"client_id": ""}, "client_id"),
    ],
)
def test_openid_settings_that_we_refuse(client: Client, changed: dict[str, str], field: str) -> None:
    refused = errors_of(add(client, "oidc", **{f"oidc-0-{name}": value for name, value in changed.items()}))
    assert set(refused) == {f"oidc-0-{field}"}
    assert errors_of(add(client, "oidc")) == {}
    assert "oidc-0-__all__" in errors_of(add(client, "oidc", slug="again"))


def test_names_are_written_one_per_line(client: Client) -> None:
    typed = "cn=admins,dc=example = platform\n\n 0f1e = on call "
    assert errors_of(add(client, "oidc", group_names=typed, factor_contexts="mfa\n hwk ")) == {}
    provider = made()
    assert provider.group_names == {"cn=admins,dc=example": "platform", "0f1e": "on call"}
    assert provider.factor_contexts == ["mfa", "hwk"]
    shown = fields_of(client.get(address(provider)))
    assert shown["group_names"] == "0f1e = on call\ncn=admins,dc=example = platform"
    assert shown["factor_contexts"] == "mfa\nhwk"
    assert errors_of(save(client, address(provider))) == {}
    assert trail("staff.record.changed") == []
    for wrong in ("admins", "a=b", "= b", "a =", "a = b\na = c", f"{'x' * 501} = y"):
        assert set(errors_of(save(client, address(provider), group_names=wrong))) == {"group_names"}, wrong


def test_the_trail_says_what_became_of_the_settings(client: Client) -> None:
    add(client, "ldap")
    save(client, address(made()), **{"ldap-0-urls": "ldaps://dc9.example.com"})
    assert trail("staff.record.changed")[0].details["values"] == {"ldap.urls": "['ldaps://dc9.example.com']"}


def test_a_form_that_lay_open_leaves_what_others_wrote(client: Client) -> None:
    add(client, "oidc")
    sent = fields_of(client.get(address(made())))
    OidcSettings.objects.update(scopes="openid email")
    sent["oidc-0-client_id"] = "other"
    sent["oidc-0-scopes"] = "openid email"
    assert client.post(address(made()), sent).status_code == 302
    assert (made().oidc.client_id, made().oidc.scopes) == ("other", "openid email")


def test_whose_people_it_vouches_for_stays(client: Client, ben: Person, partner: Partner) -> None:
    add(client, "oidc")
    made().identities.create(person=ben, subject="ben")
    save(client, address(made()), partner=str(partner.pk))
    assert made().partner is None


def test_an_admin_may_look_and_not_act(client: Client) -> None:
    add(client, "ldap")
    codenames = [f"{verb}_identityprovider" for verb in ("view", "add", "change", "delete")]
    clerk = signed_in(make_admin(*codenames, name="Carl Clerk"))
    page = clerk.get(address(made()))
    assert page.status_code == 200
    assert "ldaps://dc1.example.com" in page.content.decode()
    assert SECRET not in page.content.decode()
    assert clerk.post(address(made()), {**ABOUT, **LDAP}).status_code == 403
    assert clerk.get(ADD).status_code == clerk.get(ADD, {"kind": "ldap"}).status_code == 403
    assert clerk.post(f"{ADD}?kind=ldap", {**ABOUT, **LDAP, "slug": "b"}).status_code == 403
    assert not IdentityProvider.objects.filter(slug="b").exists()
    assert errors_of(save(client, address(made()), name="By a superuser")) == {}
    assert made().name == "By a superuser"
