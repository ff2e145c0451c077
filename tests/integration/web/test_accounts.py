"""AWS accounts' pages: the list, connecting one, what to run there, and what Sallyport can and can't do."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from brokers.errors import AwsUnavailable
from brokers.types import CheckStep
from portal import wiring
from portal.access.operations.accounts.verify_account import verify_account
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage
from tests.fake_partners import HUB_ARN
from tests.fakes import FakeAws
from tests.world import make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
NUMBER = "222233334444"
LOOK, CHANGE, ADD = "view_awsaccount", "change_awsaccount", "add_awsaccount"
SHELL = Actor.command("test")


@pytest.fixture(autouse=True)
def _aws(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "aws_ports", aws.ports)


@pytest.fixture
def account() -> AwsAccount:
    arn = f"arn:aws:iam::{NUMBER}:role/Sallyport"
    return AwsAccount.objects.create(
        name="Meadow Production",
        account_id=NUMBER,
        revoker_role_arn=f"{arn}Revoker",
        provisioner_role_arn=f"{arn}Provisioner",
    )


@pytest.fixture
def ada() -> Person:
    return make_admin(LOOK, CHANGE, ADD)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def verified(account: AwsAccount, aws: FakeAws, *steps: CheckStep) -> None:
    aws.partners.steps = list(steps)
    verify_account(account_pk=account.pk, aws=aws.ports(), actor=SHELL)


FINE = CheckStep("The hub", is_ok=True, detail="Sallyport calls AWS as x.")
LEFT_OUT = CheckStep("Become the provisioner", is_ok=True, detail="Not tried: no provisioner is entered.")
LACKS = CheckStep(
    "Revoker: write a deny", is_ok=False, detail="AccessDenied", advice="Compare it with the template."
)
TOO_MUCH = CheckStep(
    "Revoker: make a user",
    is_ok=False,
    detail="It can too much: AWS let it. What it made was taken back.",
    advice="Take it out.",
)


def test_the_list_says_how_each_is(account: AwsAccount, ada: Person, aws: FakeAws) -> None:
    AwsAccount.objects.create(name="Old", account_id="111122223333")
    AwsRole.objects.create(account=account, title="Reader", name="Reader", path="/sallyport/")
    shell = AwsRole.Method.CROSS_ACCOUNT
    AwsRole.objects.create(
        account=account, title="Made", name="Made", path="/sallyport/partners/x/", method=shell
    )
    verified(account, aws, FINE, LACKS, TOO_MUCH)
    page = text_of(signed_in(ada).get("/accounts/"))
    assert "Meadow Production 2222-3333-4444 1 Can be let in today" in page
    assert "2 things are wrong" in page
    assert "Old 1111-2222-3333 0 No never Not verified yet" in page
    assert "Connect an account" in page
    looker = text_of(signed_in(make_admin(LOOK, name="Bea")).get("/accounts/"))
    assert "Meadow Production" in looker
    assert "Connect an account" not in looker


def test_an_empty_list_teaches(ada: Person) -> None:
    assert "No AWS account yet" in text_of(signed_in(ada).get("/accounts/"))


def test_who_may_see_and_connect(account: AwsAccount) -> None:
    nobody, looker = signed_in(make_person()), signed_in(make_admin(LOOK))
    for path in ("/accounts/", "/accounts/connect/", f"/accounts/{NUMBER}/"):
        assert nobody.get(path).status_code == 404
    assert looker.get(f"/accounts/{NUMBER}/").status_code == 200
    assert looker.get("/accounts/connect/").status_code == 403
    given = {"account_id": "333344445555", "name": "Data"}
    assert looker.post("/accounts/connect/", given).status_code == 403
    assert AwsAccount.objects.count() == 1
    page = looker.get(f"/accounts/{NUMBER}/").content.decode()
    assert "Verify now" not in page
    assert "See settings" in page
    assert looker.post(f"/accounts/{NUMBER}/verify").status_code == 403
    assert OutboxMessage.objects.count() == 0


def test_connecting_leads_to_what_to_run(ada: Person) -> None:
    client = signed_in(ada)
    given = {
        "account_id": "3333 4444 5555",
        "name": "Harbor Data",
        "partition": "aws",
        "lets_partners_in": "on",
    }
    answer = client.post("/accounts/connect/", given)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/accounts/333344445555/")
    page = client.get("/accounts/333344445555/").content.decode()
    assert "arn:aws:iam::333344445555:role/SallyportProvisioner" in page
    assert page.count(HUB_ARN) >= 4, "beside the names, and in each file"
    assert "Not verified yet" in page
    without = {"account_id": "333344445556", "name": "Other"}
    client.post("/accounts/connect/", without)
    assert AwsAccount.objects.get(name="Other").provisioner_role_arn == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account_id": "33334444555"}, "An AWS account number has 12 digits."),
        ({"account_id": ""}, "Which account?"),
        ({"name": ""}, "What is it called?"),
        ({"account_id": NUMBER}, "already exists"),
        ({"partition": "aws-moon"}, "Select a valid choice"),
    ],
)
def test_a_form_that_is_wrong_keeps_what_was_typed(
    account: AwsAccount, ada: Person, changes: dict[str, str], said: str
) -> None:
    given = {"account_id": "333344445555", "name": "Harbor Data", "partition": "aws"} | changes
    answer = signed_in(ada).post("/accounts/connect/", given)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    assert f'value="{given["name"]}"' in page or not given["name"]
    assert AwsAccount.objects.count() == 1


def test_a_file_is_downloaded_under_its_name(account: AwsAccount, ada: Person) -> None:
    client = signed_in(ada)
    answer = client.get(f"/accounts/{NUMBER}/files/cloudformation")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sallyport-account.template.json"'
    assert json.loads(answer.content)["Parameters"]["HubPrincipalArn"]["Default"] == HUB_ARN
    assert NUMBER in client.get(f"/accounts/{NUMBER}/files/aws-command-line").content.decode()
    assert client.get(f"/accounts/{NUMBER}/files/ansible").status_code == 404
    page = client.get(f"/accounts/{NUMBER}/").content.decode()
    assert reverse("web:aws-account-file", args=[NUMBER, "terraform"]) in page


def test_an_unknown_hub_is_said(
    account: AwsAccount, ada: Person, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise AwsUnavailable("sts:GetCallerIdentity", "time-out")

    monkeypatch.setattr("tests.fake_partners.FakeChecker.files", silent)
    answer = signed_in(ada).get(f"/accounts/{NUMBER}/")
    assert answer.status_code == 200
    assert "can't tell who it is to AWS" in answer.content.decode().replace("&#x27;", "'")


def test_what_was_found_is_told_worst_first(account: AwsAccount, ada: Person, aws: FakeAws) -> None:
    verified(account, aws, FINE, LEFT_OUT, LACKS, TOO_MUCH)
    page = text_of(signed_in(ada).get(f"/accounts/{NUMBER}/"))
    assert "2 things are wrong Sallyport can do more here than it should." in page
    assert page.index("Revoker: make a user") < page.index("Revoker: write a deny")
    assert "Compare it with the template." in page
    assert "1 step as it should be" in page
    assert "No provisioner is entered." in page
    verified(account, aws, FINE, LEFT_OUT)
    page = text_of(signed_in(ada).get(f"/accounts/{NUMBER}/"))
    assert "As it should be Sallyport can do here what it should" in page
    assert "Verify again" in page


def test_verifying_is_asked_for_and_followed(account: AwsAccount, ada: Person, aws: FakeAws) -> None:
    client, state = signed_in(ada), f"/accounts/{NUMBER}/state"
    answer = client.post(f"/accounts/{NUMBER}/verify")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/accounts/{NUMBER}/#verification")
    page = client.get(f"/accounts/{NUMBER}/").content.decode()
    assert "A worker begins in a moment." in page
    assert f'hx-get="{state}?seen=' in page
    assert "Verify now" not in page
    again = client.post(f"/accounts/{NUMBER}/verify", follow=True)
    assert "being verified already" in again.content.decode()
    AwsAccount.objects.update(
        verify_begun_at=database_now(),
        verification=[
            {"name": "The hub", "is_ok": True, "detail": "", "advice": ""},
            {"name": "Become the revoker", "is_ok": None, "detail": "", "advice": ""},
        ],
    )
    asked = {"HX-Request": "true"}
    part = client.get(state, headers=asked)
    assert "Now: Become the revoker" in text_of(part)
    seen = re.search(r"seen=([^\"]+)", part.content.decode())
    assert seen is not None
    assert client.get(f"{state}?seen={seen[1]}", headers=asked).status_code == 204
    verified(account, aws, FINE)
    over = client.get(f"{state}?seen={seen[1]}", headers=asked).content.decode()
    assert "As it should be" in over
    assert "hx-get" not in over
    assert client.get(state).headers["Location"] == f"/accounts/{NUMBER}/", (
        "a plain visit belongs on the page"
    )


@pytest.mark.parametrize("begun", [False, True])
def test_a_verification_that_nobody_makes_can_be_asked_for_again(
    account: AwsAccount, ada: Person, begun: bool
) -> None:
    client = signed_in(ada)
    client.post(f"/accounts/{NUMBER}/verify")
    long_ago = database_now() - timedelta(minutes=5)
    AwsAccount.objects.update(verify_asked_at=long_ago, verify_begun_at=long_ago if begun else None)
    page = text_of(client.get(f"/accounts/{NUMBER}/"))
    assert ("It was broken off." if begun else "No worker has begun.") in page
    assert client.post(f"/accounts/{NUMBER}/verify").status_code == 303
    assert OutboxMessage.objects.count() == 2
