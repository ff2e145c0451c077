"""A canary planted as credential, sign-in token and every token that opens something: found nowhere afterwards."""

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from portal.access.models import CredentialSlot, Grant, UserKey
from portal.access.operations.credentials.credential_tokens import make_credential_token
from portal.access.operations.credentials.fetch_credentials import fetch_credentials
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.proofs import MfaProof, SamlProof, TokenProof
from portal.directory.models import Person
from portal.identity.operations.exchange_proof import exchange_proof
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.kernel.sealing import seal
from portal.web import credentials as credentials_page
from tests.fakes import SECRET, SIGN_IN_URL, TOKEN, UNAVAILABLE, FakeAws
from tests.integration.access.canaries import (
    Ears,
    found_in,
    listening,
    mails,
    redis_dump,
    rows,
    spellings,
    tasks_noted,
)
from tests.integration.api.calling import make_token, send, with_token
from tests.proof_world import (
    IN_IAM,
    assertion,
    id_token,
    known_as,
    oidc_provider,
    real_readers,
    saml_provider,
)
from tests.servers.valkey import Valkey, valkey
from tests.world import as_actor, make_grant, make_person, make_role, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
SIGN_IN_TOKEN = SIGN_IN_URL.partition("SigninToken=")[2]
MFA_SECRET = "CanaryOfAnOwnUsersKey/0123456789abcdefgh"
CODE = "314159"
OPERATOR = Actor.command("tests")
CONSOLE = "https://console.aws.amazon.com/s3/home"


@pytest.fixture(autouse=True)
def server(tmp_path: Path, settings: LazySettings) -> Iterator[Valkey]:
    with valkey(tmp_path) as running:
        settings.REDIS_URL = running.url
        yield running


class Round:
    """One person's way through every door; `secrets` is what must be found nowhere, by what it is."""

    def __init__(self, person: Person, aws: FakeAws) -> None:
        self.person, self.aws = person, aws
        self.grant = make_grant(person)
        self.secrets = {"secret key": SECRET, "session token": TOKEN, "sign-in token": SIGN_IN_TOKEN}
        self.shown: list[bytes] = []  # what must show nothing: errors and later pages

    def by_page(self) -> None:
        browser = signed_in(self.person)
        shown = browser.post(reverse("web:credentials", args=[self.grant.pk]))
        assert SECRET.encode() in shown.content
        opened = browser.post(
            reverse("web:open-console", args=[self.grant.pk]), {"destination": CONSOLE}, follow=False
        )
        assert opened.headers["Location"] == SIGN_IN_URL
        self.shown += [browser.get("/").content, browser.get(f"/grants/{self.grant.pk}").content]

    def by_api(self) -> None:
        self.secrets["API token"] = plain = make_token(self.person)
        caller = with_token(plain)
        told = send(caller, "post", f"/api/v1/grants/{self.grant.pk}/credentials").json()
        assert (told["SecretAccessKey"], told["SessionToken"]) == (SECRET, TOKEN)
        address = f"/api/v1/grants/{self.grant.pk}/console-links"
        link = send(caller, "post", address, {"destination": CONSOLE}).json()["url"]
        path = link.partition("://")[2].partition("/")[2]
        self.secrets["console link"] = path.rpartition("/")[2]
        browser = signed_in(self.person)
        assert browser.get(f"/{path}").status_code == 200
        assert browser.post(f"/{path}").headers["Location"] == SIGN_IN_URL
        self.shown.append(browser.post(f"/{path}").content)  # used already

    def by_container(self) -> None:
        made = make_credential_token(grant_id=self.grant.pk, name="job", actor=as_actor(self.person))
        self.secrets["credential token"] = made.plain
        program = Client(headers={"Authorization": made.plain}, raise_request_exception=False)
        assert program.get("/container/credentials").json()["SecretAccessKey"] == SECRET
        revoke_grant(grant_id=make_grant(self.person).pk, reason="another one", actor=OPERATOR)

    def by_proof(self) -> None:
        """Exchange an assertion and an ID token, and have each refused once as well."""
        saml, aws = saml_provider(), self.aws
        known_as(self.person, saml, "ben")
        role = make_role(
            "By assertion", method="saml", provider_arn=IN_IAM, vouched_by=saml, name="ByAssertion"
        )
        make_grant(self.person, role)
        with real_readers() as forge:
            oidc = oidc_provider(forge.issuer)
            known_as(self.person, oidc, "ben")
            web = make_role(
                "By token", method="web_identity", audience="aws-app", vouched_by=oidc, name="ByToken"
            )
            make_grant(self.person, web)
            signed, token = assertion(role, "ben"), id_token(forge, "ben")
            self.secrets |= {"assertion": signed.assertion[200:400], "ID token": token.id_token}
            for one, proof in (
                (role, signed),
                (role, signed),
                (web, token),
                (web, TokenProof(f"{token.id_token}x")),
            ):
                with suppress(DomainError):
                    self.exchange(one.arn, proof)
        assert {aws.count(each) for each in ("assume_role_with_saml", "assume_role_with_web_identity")} == {1}

    def exchange(self, role_arn: str, proof: SamlProof | TokenProof) -> None:
        told = exchange_proof(
            role_ref=role_arn, proof=proof, aws=self.aws.ports(), ip="203.0.113.7", user_agent="app"
        )
        assert told.credentials.secret_access_key == SECRET

    def by_own_user(self) -> None:
        role = make_role(
            "Own user", method="session_token", allows_console=False, sends_tags=False,
            sets_source_identity=False, name="ben",
        )  # fmt: skip
        grant = make_grant(self.person, role)
        UserKey.objects.create(
            role=role, person=self.person, access_key_id="AKIAEXAMPLEEXAMPLE12", secret=seal(MFA_SECRET.encode()),
            mfa_serial="arn:aws:iam::000000000001:mfa/ben", kept_at=grant.made_at,
        )  # fmt: skip
        self.secrets |= {"own user's key": MFA_SECRET}
        fetch_credentials(
            grant_id=grant.pk,
            aws=self.aws.ports(),
            actor=as_actor(self.person),
            door="page",
            proof=MfaProof(CODE),
        )
        assert self.aws.asked("get_session_token")[0].secret_access_key == MFA_SECRET

    def with_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """AWS is down; then a page breaks with the credentials in its hands."""
        browser = signed_in(self.person)
        browser.raise_request_exception = False
        other = make_grant(self.person)
        self.aws.fail["assume_role"] = UNAVAILABLE
        away = browser.post(reverse("web:credentials", args=[other.pk]))
        assert away.status_code == 503
        del self.aws.fail["assume_role"]

        def broken(request: object, issued: object) -> None:
            raise RuntimeError(f"could not show {issued!r}")

        with monkeypatch.context() as patch:
            patch.setattr(credentials_page, "_view", broken)
            failed = browser.post(reverse("web:credentials", args=[self.grant.pk]))
        assert failed.status_code == 500
        self.shown += [away.content, failed.content]


@pytest.fixture
def ears() -> Iterator[Ears]:
    with listening() as hearing:
        yield hearing


def test_a_canary_is_found_nowhere(
    server: Valkey, aws: FakeAws, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Round(make_person("Ben Lindqvist"), aws)
    with tasks_noted() as sent:
        way.by_page()
        way.by_api()
        way.by_container()
        way.by_proof()
        way.by_own_user()
        way.with_errors(monkeypatch)
    places = {
        "the database": rows(),
        "Redis": redis_dump(server),
        "the logs": "\n".join(ears.written).encode(),
        "tasks": "\n".join(sent).encode(),
        "mails": mails(),
        "pages": b"\n".join(way.shown),
    }
    assert found_in(way.secrets, places) == []
    # Django names the path of what is refused, and in it a link that was used: the formats mask it, and it alone.
    heard = {"what is logged": "\n".join(ears.heard).encode()}
    assert found_in(way.secrets, heard) == ["console link in what is logged"]
    # Each place was really looked into: what is no secret lies there.
    key_id = re.compile(rb"ASIAFAKE[A-Z0-9]*").search(places["the database"])
    assert key_id is not None
    assert str(way.grant.pk).encode() in places["Redis"]
    assert b"could not show" in places["the logs"]
    assert b"portal.jobs" in places["tasks"]
    assert b"Ben Lindqvist" in places["pages"]

    # What Redis holds is opened by nobody once the grant has ended, and then it is gone there too.
    revoke_grant(grant_id=way.grant.pk, reason="the end", actor=OPERATOR)
    assert not bytes(CredentialSlot.objects.get(grant=way.grant).key)


def test_the_search_finds_a_secret_however_it_is_written(server: Valkey, aws: FakeAws, ears: Ears) -> None:
    """The other half: planted on purpose, in each place, it is found."""
    person = make_person("Ben Lindqvist")
    Grant.objects.filter(pk=make_grant(person).pk).update(reason=f"key {SECRET}")
    client: Any = server.client()
    client.lpush("celery", TOKEN.encode().hex())
    logging.getLogger("portal.somewhere").debug("got %s", {"token": TOKEN})
    secrets = {"secret": SECRET, "token": TOKEN}
    places = {"database": rows(), "Redis": redis_dump(server), "logs": "\n".join(ears.heard).encode()}
    assert found_in(secrets, places) == ["secret in database", "token in Redis", "token in logs"]
    assert all(found_in({"it": SECRET}, {"x": b"--" + each + b"--"}) for each in spellings(SECRET))
