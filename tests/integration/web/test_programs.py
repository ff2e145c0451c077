"""The page of programs that fetch for themselves: a token is shown once, with what to paste, and can be taken away."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from portal.access.models import CredentialToken, Grant
from portal.directory.models import Person
from tests.factors import add_app, code_of
from tests.sign_ins import browser_of
from tests.world import Answer, make_admin, make_grant, make_role, make_scheduled, signed_in

TOKEN = re.compile(r"spc_[\w-]{43}")


def url(grant: Grant) -> str:
    return reverse("web:programs", args=[grant.pk])


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben)


def make(grant: Grant, person: Person, **sent: str) -> Answer:
    return signed_in(person).post(url(grant), {"name": "nightly report", **sent})


def texts(page: Answer) -> dict[str, str]:
    return {snippet.key: snippet.text for snippet in page.context["snippets"]}


def test_what_was_made_is_shown_once_and_works(grant: Grant, ben: Person) -> None:
    page = make(grant, ben)
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    [plain] = set(TOKEN.findall(page.content.decode()))
    assert Client().get("/container/credentials", headers={"Authorization": plain}).status_code == 200
    again = signed_in(ben).get(url(grant)).content.decode()
    assert "nightly report" in again
    assert plain[:10] in again
    assert not TOKEN.search(again)


def test_what_to_paste_sets_what_sdks_read(grant: Grant, ben: Person, tmp_path: Path) -> None:
    page = make(grant, ben)
    [plain] = set(TOKEN.findall(page.content.decode()))
    shown = texts(page)
    assert list(shown) == ["bash", "file", "powershell", "env"]
    by_bash = _environment(shown["bash"], tmp_path)
    assert by_bash["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://localhost:8000/container/credentials"
    assert by_bash["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == plain
    by_file = _environment(shown["file"], tmp_path)
    file = Path(by_file["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
    assert file.read_text() == plain  # no line break, which SDKs refuse
    assert file.stat().st_mode & 0o777 == 0o600
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN" not in by_file
    assert f"AWS_CONTAINER_AUTHORIZATION_TOKEN={plain}\n" in shown["env"]
    assert f"$Env:AWS_CONTAINER_AUTHORIZATION_TOKEN = '{plain}'\n" in shown["powershell"]


def test_a_stand_ins_address_is_pasted_along(grant: Grant, ben: Person, settings: LazySettings) -> None:
    assert "AWS_ENDPOINT_URL" not in texts(make(grant, ben))["env"]
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:4566"
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4566\n" in texts(make(grant, ben))["env"]


def test_how_long_it_lasts_can_be_chosen(grant: Grant, ben: Person) -> None:
    make(grant, ben, lifetime="")
    make(grant, ben, lifetime="60")
    newest, oldest = CredentialToken.objects.all()
    assert oldest.expires_at == grant.ends_at
    assert (newest.expires_at - newest.made_at).total_seconds() <= 3600
    assert newest.expires_at <= grant.ends_at
    assert make(grant, ben, lifetime="99999").status_code == 400


def test_what_is_wrong_stands_at_its_field(grant: Grant, ben: Person) -> None:
    page = make(grant, ben, name=" ")
    assert page.status_code == 400
    assert "Give it a name" in page.content.decode()
    CredentialToken.objects.bulk_create(
        CredentialToken(
            grant=grant,
            name="t",
            prefix="spc_",
            digest=f"{number:064x}",
            made_by=ben,
            made_at=grant.made_at,
            expires_at=grant.ends_at,
        )
        for number in range(20)
    )
    page = make(grant, ben)
    assert page.status_code == 400
    assert "20 tokens already" in page.content.decode()


def test_the_grants_page_lists_them_and_leads_to_more(grant: Grant, ben: Person) -> None:
    page = signed_in(ben).get(reverse("web:grant", args=[grant.pk])).content.decode()
    assert "No program fetches these credentials" in page
    assert f'href="{url(grant)}"' in page
    make(grant, ben)
    page = signed_in(ben).get(reverse("web:grant", args=[grant.pk])).content.decode()
    assert "nightly report" in page
    assert "never" in page


def test_revoking_there_stops_it_at_once(grant: Grant, ben: Person) -> None:
    [plain] = set(TOKEN.findall(make(grant, ben).content.decode()))
    token = CredentialToken.objects.get()
    client = signed_in(ben)
    answer = client.post(reverse("web:program-revoke", args=[grant.pk, token.pk]))
    assert (answer.status_code, answer.headers["Location"]) == (303, url(grant))
    assert "It fetches nothing more" in client.get(url(grant)).content.decode()
    assert Client().get("/container/credentials", headers={"Authorization": plain}).status_code == 403


def test_an_admin_sees_and_revokes_them_but_makes_none(grant: Grant, ben: Person) -> None:
    make(grant, ben)
    admin = make_admin("revoke_grant", "view_grant")
    page = signed_in(admin).get(url(grant)).content.decode()
    assert "nightly report" in page
    assert "Make token" not in page
    assert make(grant, admin).status_code == 404
    token = CredentialToken.objects.get()
    assert signed_in(admin).post(reverse("web:program-revoke", args=[grant.pk, token.pk])).status_code == 303


def test_who_only_looks_is_offered_no_revoking(grant: Grant, ben: Person) -> None:
    make(grant, ben)
    looker = make_admin("view_grant")
    page = signed_in(looker).get(url(grant)).content.decode()
    assert "nightly report" in page
    assert "program-revoke" not in page
    assert "/revoke" not in page
    token = CredentialToken.objects.get()
    assert signed_in(looker).post(reverse("web:program-revoke", args=[grant.pk, token.pk])).status_code == 404


def test_nothing_is_offered_where_nothing_can_be_made(ben: Person) -> None:
    for grant in (make_scheduled(ben), make_grant(ben, make_role(allows_credentials=False))):
        page = signed_in(ben).get(url(grant)).content.decode()
        assert "Make token" not in page
        assert make(grant, ben).status_code in {403, 409}
    assert not CredentialToken.objects.exists()


def test_a_grant_that_is_over_shows_its_tokens_as_over(grant: Grant, ben: Person) -> None:
    make(grant, ben)
    Grant.objects.update(state="revoked", ended_at=grant.made_at)
    page = signed_in(ben).get(url(grant))
    [row] = page.context["programs"].rows
    assert row.badge.word == "Ended"
    assert "Make token" not in page.content.decode()


def _environment(script: str, home: Path) -> dict[str, str]:
    """Return what a shell's environment is once the script was pasted into it."""
    done = subprocess.run(
        ["bash", "-c", f"{script}\nenv"],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def test_a_factor_that_the_role_asks_for_is_given_at_the_address_that_the_program_was_told(
    ben: Person, mallory: Person
) -> None:
    _, secret = add_app(ben)
    grant = make_grant(ben, make_role(factor_minutes=5))
    [plain] = set(TOKEN.findall(make(grant, ben).content.decode()))
    refused = Client().get("/container/credentials", headers={"Authorization": plain})
    assert refused.json()["code"] == "step_up_required"
    [address] = re.findall(r"http://localhost:8000(/step-up/\S+)", refused.json()["message"])
    assert browser_of(mallory).get(address).status_code == 404
    browser = browser_of(ben)
    leads = browser.get(address).headers["Location"]
    assert "nightly report" in browser.get(leads).content.decode()
    intent = leads.partition("for=")[2]
    done = browser.post("/step-up/", {"for": intent, "way": "app", "code": code_of(secret)})
    assert done.status_code == 200
    assert url(grant) in done.content.decode()
    assert Client().get("/container/credentials", headers={"Authorization": plain}).status_code == 200


def test_a_revoked_programs_factor_is_asked_for_no_more(grant: Grant, ben: Person) -> None:
    make(grant, ben)
    token = CredentialToken.objects.get()
    address = f"/step-up/?token={token.pk}&grant={grant.pk}"
    browser = browser_of(ben)
    assert browser.get(address).status_code == 303
    CredentialToken.objects.update(revoked_at=grant.made_at)
    assert browser.get(address).status_code == 404
