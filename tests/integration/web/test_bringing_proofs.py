"""The page that asks for what a grant's call takes along: asked for, handed on, never shown again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse

from brokers.errors import AwsRefused, ProofRefused
from portal.access.models import AwsSession, UserKey
from portal.directory.models import Person
from portal.kernel.clock import database_now
from portal.kernel.sealing import seal
from tests.fakes import SECRET, FakeAws
from tests.oidc_forge import Forge
from tests.proof_world import (
    assertion,
    known_as,
    real_readers,
    saml_provider,
    saml_role,
    user_role,
)
from tests.world import signed_in

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
OWN = "user-secret/that+stands=nowhere/000000000"


@pytest.fixture
def forge() -> Iterator[Forge]:
    with real_readers() as running:
        yield running


def test_an_assertion_is_asked_for_and_handed_on(
    make_role: Make, make_grant: Make, ben: Person, aws: FakeAws, forge: Forge
) -> None:
    provider = saml_provider()
    known_as(ben, provider, "ben")
    role = saml_role(make_role, provider)
    page = reverse("web:credentials", args=[make_grant(ben, role=role).pk])
    client = signed_in(ben)
    asked = client.post(page)
    assert asked.status_code == 200
    assert b"SAML response for AWS" in asked.content
    assert not AwsSession.objects.exists()
    other = assertion(role, "mallory").assertion
    refused = client.post(page, {"assertion": other})
    assert refused.status_code == 400
    assert b"does not open this role" in refused.content
    assert other.encode() not in refused.content
    got = client.post(page, {"assertion": assertion(role, "ben").assertion})
    assert got.status_code == 200
    assert SECRET in got.content.decode()


def test_a_code_that_aws_does_not_take_is_asked_for_again(
    make_role: Make, make_grant: Make, ben: Person, aws: FakeAws
) -> None:
    role = user_role(make_role)
    page = reverse("web:credentials", args=[make_grant(ben, role=role).pk])
    UserKey.objects.create(
        role=role,
        person=ben,
        access_key_id="AKIAABCDEFGHIJKLMNOP",
        secret=seal(OWN.encode()),
        mfa_serial="arn:aws:iam::222222222222:mfa/ben",
        kept_at=database_now(),
    )
    client = signed_in(ben)
    aws.fail["get_session_token"] = ProofRefused("sts:GetSessionToken", "AccessDenied", "invalid MFA code")
    refused = client.post(page, {"mfa_code": "123456"})
    assert refused.status_code == 400
    assert b"invalid MFA code" in refused.content
    assert b'name="mfa_code"' in refused.content
    aws.fail["get_session_token"] = AwsRefused("sts:GetSessionToken", "AccessDenied", "an SCP says no")
    other = client.post(page, {"mfa_code": "123457"})
    assert other.status_code == 503, "no other code would help"
    assert b"refused outside of Sallyport" in other.content
    assert b"Try again in a minute" not in other.content
    del aws.fail["get_session_token"]
    assert SECRET in client.post(page, {"mfa_code": "123458"}).content.decode()


def test_each_grant_asks_for_what_is_its_own(
    make_role: Make, make_grant: Make, ben: Person, mallory: Person
) -> None:
    """What another grant takes, and what is known of another user, says nothing about this one."""
    by_assertion = make_grant(ben, role=saml_role(make_role, saml_provider()))
    by_code = make_grant(ben, role=user_role(make_role))
    UserKey.objects.create(
        role=user_role(make_role, "mallory"),
        person=mallory,
        access_key_id="AKIAABCDEFGHIJKLMNOP",
        secret=seal(OWN.encode()),
        mfa_serial="arn:aws:iam::222222222222:mfa/mallory",
        kept_at=database_now(),
    )
    client = signed_in(ben)
    for grant, names in (
        (by_assertion, {"assertion"}),
        (by_code, {"mfa_code", "mfa_serial", "access_key_id", "secret_access_key", "keep"}),
    ):
        page = client.post(reverse("web:credentials", args=[grant.pk]))
        assert set(page.context["form"].fields) == names


def test_an_iam_users_device_and_key_are_asked_for_once(
    make_role: Make, make_grant: Make, ben: Person, mallory: Person, aws: FakeAws
) -> None:
    page = reverse("web:credentials", args=[make_grant(ben, role=user_role(make_role)).pk])
    client = signed_in(ben)
    assert b"MFA device" in client.post(page).content
    whole = {
        "mfa_code": "123456",
        "mfa_serial": "arn:aws:iam::222222222222:mfa/ben",
        "access_key_id": "AKIAABCDEFGHIJKLMNOP",
        "secret_access_key": OWN,
        "keep": "on",
    }
    bad = client.post(page, whole | {"mfa_serial": "arn:aws:iam::333333333333:mfa/ben"})
    assert bad.status_code == 400
    assert OWN not in bad.content.decode()
    assert signed_in(mallory).post(page, whole).status_code == 404
    assert not UserKey.objects.exists()
    got = client.post(page, whole)
    assert got.status_code == 200
    assert SECRET in got.content.decode()
    assert OWN not in got.content.decode()
    [call] = aws.asked("get_session_token")
    assert (call.secret_access_key, call.mfa_code) == (OWN, "123456")
    assert UserKey.objects.get().secret
