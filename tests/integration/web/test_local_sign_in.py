"""The emergency accounts' way in, and guesses at it, also from behind a proxy."""

import base64
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import LazySettings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import reverse

from portal.access.models import Alarm
from portal.directory.models import (
    AuthenticatorApp,
    ExternalIdentity,
    IdentityProvider,
    LocalPassword,
    Person,
    RecoveryCode,
    SignIn,
)
from portal.identity.operations.factors_totp import STEP
from portal.identity.operations.local_accounts import add_local_account, set_local_password
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import fingerprint, unseal
from tests.integration.web.saml_visits import is_signed_in, refusals
from tests.sign_ins import browser_of
from tests.world import Answer, make_person

pytestmark = pytest.mark.django_db
GOOD, WRONG = "correct horse battery", "correct horse stapler"
HOME, AWAY = "198.51.100.4", "203.0.113.9"
SHELL = Actor.command("tests")


@pytest.fixture(autouse=True)
def account(db: None, settings: LazySettings) -> ExternalIdentity:
    # Argon2 is slow by its nature, and tried out beside the operation.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return add_local_account(login="warden", name="Grace", password=GOOD, superuser=True, actor=SHELL)


def type_password(browser: Client, password: str = GOOD, login: str = "warden", **more: str) -> Answer:
    return browser.post(reverse("web:local-sign-in"), {"login": login, "password": password}, headers=more)


def code_of(secret: bytes, *, steps: int = 0) -> str:
    at = database_now().timestamp() + steps * STEP
    return TOTP(secret, 6, SHA1(), STEP).generate(int(at)).decode()  # noqa: S303  # as the apps do


def enrol(browser: Client) -> bytes:
    """Type the password for the first time, scan the picture, type its code; returns the secret."""
    assert type_password(browser).status_code == 303
    page = browser.get(reverse("web:local-factor")).content.decode()
    secret = base64.b32decode(re.findall(r'<code class="breaks">([A-Z2-7]+)</code>', page)[0])
    sealed = re.findall(r'name="sealed" value="([^"]+)"', page)[0]
    fields = {"name": "Phone", "sealed": sealed, "code": code_of(secret)}
    assert browser.post(reverse("web:local-factor"), fields).status_code == 303
    return secret


def give(browser: Client, code: str) -> Answer:
    return browser.post(reverse("web:local-factor"), {"code": code})


def sign_in(browser: Client, secret: bytes) -> bool:
    AuthenticatorApp.objects.update(last_step=0)  # tests are faster than half minutes
    if type_password(browser).status_code != 303:
        return False
    give(browser, code_of(secret))
    return is_signed_in(browser)


def test_the_first_time_a_factor_is_added_and_each_time_it_is_loud(client: Client) -> None:
    assert client.get(reverse("web:local-sign-in")).status_code == 200
    secret = enrol(client)
    assert is_signed_in(client)
    assert SignIn.objects.get().factor_at is not None
    assert Alarm.objects.filter(kind="break_glass_used").exists()
    stored = AuthenticatorApp.objects.get()
    assert secret not in bytes(stored.sealed_secret)
    assert unseal(bytes(stored.sealed_secret)) == secret
    assert client.session.get_expiry_age() <= 3600
    assert sign_in(Client(), secret)


def test_a_password_alone_is_not_enough(client: Client) -> None:
    secret = enrol(Client())
    assert type_password(client).status_code == 303
    assert not is_signed_in(client)
    AuthenticatorApp.objects.update(last_step=0)
    assert give(client, "000000").status_code == 200
    assert give(client, code_of(secret, steps=5)).status_code == 200
    assert not is_signed_in(client)
    assert give(client, code_of(secret)).status_code == 303
    assert is_signed_in(client)


def test_a_code_without_the_password_is_nothing(client: Client) -> None:
    secret = enrol(Client())
    AuthenticatorApp.objects.update(last_step=0)
    assert give(client, code_of(secret)).headers["Location"] == reverse("web:local-sign-in")
    assert not is_signed_in(client)


def test_whoever_loses_the_factor_between_the_steps_adds_one_within_the_day_alone(client: Client) -> None:
    enrol(Client())
    for age, page in ((timedelta(hours=23), 200), (timedelta(hours=25), 303)):
        add = AuthenticatorApp.objects.get()
        LocalPassword.objects.update(changed_at=database_now() - age)
        assert type_password(client).status_code == 303
        add.delete()
        assert client.get(reverse("web:local-factor")).status_code == page
        add.save(force_insert=True)


@pytest.mark.parametrize("how", ["deactivated", "gone"])
def test_whoever_is_deactivated_or_gone_between_the_steps_begins_again(
    client: Client, account: ExternalIdentity, how: str
) -> None:
    secret = enrol(Client())
    AuthenticatorApp.objects.update(last_step=0)
    type_password(client)
    now = database_now()
    people = Person.objects.filter(pk=account.person_id)
    if how == "gone":
        ExternalIdentity.objects.update(gone_at=now, gone_why="removed")
    else:
        people.update(is_active=False, deactivated_at=now)
    assert give(client, code_of(secret)).headers["Location"] == reverse("web:local-sign-in")
    assert AuthenticatorApp.objects.get().last_step == 0, "the code was not even tried"
    ExternalIdentity.objects.update(gone_at=None, gone_why="")
    people.update(is_active=True, deactivated_at=None)
    give(client, code_of(secret))
    assert is_signed_in(client)


def test_a_right_password_begins_a_session_of_its_own(client: Client) -> None:
    """Nobody who knows an older key shares what the password opened."""
    client.force_login(make_person("Ben"))
    before = client.session.session_key
    assert type_password(client, WRONG).status_code == 403
    assert (client.session.session_key, is_signed_in(client)) == (before, True)
    assert type_password(client).status_code == 303
    assert client.session.session_key != before
    assert not SessionStore().exists(str(before))
    assert not is_signed_in(client)


def test_a_new_password_ends_what_the_old_one_opened(client: Client) -> None:
    enrol(client)
    others = browser_of(make_person("Ben"))
    assert is_signed_in(client)
    set_local_password(login="warden", password="another horse battery", actor=SHELL)
    assert not is_signed_in(client)
    assert is_signed_in(others)


def test_what_a_right_password_opens_is_open_for_ten_minutes(client: Client) -> None:
    secret = enrol(Client())
    type_password(client)
    session = client.session
    session["local_sign_in"] |= {"until": (database_now() - timedelta(seconds=1)).isoformat()}
    session.save()
    AuthenticatorApp.objects.update(last_step=0)
    assert give(client, code_of(secret)).headers["Location"] == reverse("web:local-sign-in")
    assert not is_signed_in(client)


def test_a_right_password_opens_nothing_once_another_one_is_set(
    client: Client, account: ExternalIdentity
) -> None:
    # Nobody has added a factor yet: whoever knows the password may.
    type_password(client)
    assert client.get(reverse("web:local-factor")).status_code == 200
    set_local_password(login="warden", password="another horse battery", actor=SHELL)
    assert client.get(reverse("web:local-factor")).headers["Location"] == reverse("web:local-sign-in")
    type_password(client, "another horse battery")
    assert client.get(reverse("web:local-factor")).status_code == 200
    IdentityProvider.objects.update(is_enabled=False)
    assert client.get(reverse("web:local-factor")).headers["Location"] == reverse("web:local-sign-in")
    assert not AuthenticatorApp.objects.exists()


def test_a_recovery_code_counts_once(client: Client, account: ExternalIdentity) -> None:
    enrol(Client())
    RecoveryCode.objects.create(person=account.person, digest=fingerprint("0123456789ABCDEFGHJK"))
    type_password(client)
    assert give(client, "01234-56789-abcde-fghjk").status_code == 303
    assert is_signed_in(client)
    other = Client()
    type_password(other)
    assert give(other, "01234-56789-abcde-fghjk").status_code == 200
    assert not is_signed_in(other)


def test_after_a_day_a_factor_is_added_only_once_the_password_is_set_anew(client: Client) -> None:
    LocalPassword.objects.update(changed_at=database_now() - timedelta(hours=25))
    refused = type_password(client)
    assert "set the password anew" in refused.content.decode()
    set_local_password(login="warden", password=GOOD, actor=SHELL)
    enrol(client)
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("login", "password", "reason"),
    [("warden", WRONG, "local.wrong_password"), ("nobody", GOOD, "local.unknown")],
)
def test_every_refusal_reads_the_same_and_the_trail_tells_them_apart(
    client: Client, login: str, password: str, reason: str
) -> None:
    answer = type_password(client, password, login)
    assert answer.status_code == 403
    assert "not a login and password that go together" in answer.content.decode()
    assert password not in answer.content.decode()
    assert refusals() == [reason]


def test_guesses_behind_a_proxy_stop_the_guesser_and_not_the_victim(
    client: Client, settings: LazySettings
) -> None:
    settings.TRUSTED_PROXIES = 1
    victim = Client(headers={"X-Forwarded-For": HOME})
    secret = enrol(victim)
    victim.post("/sign-out")
    # What the guesser claims stands left of what our proxy saw: a new claim each time makes no new address.
    tried = [
        type_password(client, WRONG, **{"X-Forwarded-For": f"192.0.2.{n}, {AWAY}"}).status_code
        for n in range(8)
    ]
    assert tried == [403] * 5 + [429] * 3
    stopped = type_password(client, GOOD, **{"X-Forwarded-For": AWAY})
    assert stopped.status_code == 429
    assert int(stopped.headers["Retry-After"]) > 0
    assert sign_in(Client(headers={"X-Forwarded-For": HOME}), secret), "from the victim's network"
    for n in range(40):
        type_password(Client(headers={"X-Forwarded-For": f"203.0.113.{n}"}), WRONG)
    assert sign_in(victim, secret), "from the victim's browser"
    victim.post("/sign-out")
    travelling = Client(headers={"X-Forwarded-For": "192.0.2.77"})
    travelling.cookies = victim.cookies
    assert sign_in(travelling, secret), "that browser anywhere"


def test_nobody_is_sent_elsewhere(client: Client) -> None:
    enrol(Client())
    page = client.get(reverse("web:local-sign-in"), {"next": "https://evil.example.test/"})
    assert 'name="next" value="/"' in page.content.decode()


def test_without_emergency_accounts_there_is_no_such_page(client: Client) -> None:
    ExternalIdentity.objects.get(subject="warden").provider.__class__.objects.filter(kind="local").update(
        is_enabled=False
    )
    assert client.get(reverse("web:local-sign-in")).status_code == 404
