"""What a page's asking for a verification leads to: a message, a wake-up, a worker."""

import pytest
from celery import current_app

from brokers.errors import BrokerError, NotPossible
from brokers.ports import AwsPorts
from brokers.types import CheckStep
from portal.access.operations.accounts.verify_account import ask_verification
from portal.catalog.models import AwsAccount
from portal.jobs import verifying
from portal.kernel import outbox
from portal.kernel.actor import Actor
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
SHELL = Actor.command("test")


@pytest.fixture
def account() -> AwsAccount:
    made = AwsAccount.objects.create(name="Meadow Production", account_id="222233334444")
    ask_verification(account_pk=made.pk, actor=SHELL)
    return made


def steps(account: AwsAccount) -> list[bool | None]:
    account.refresh_from_db()
    return [step["is_ok"] for step in account.verification]


def test_asking_wakes_a_worker_that_verifies(
    account: AwsAccount, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: sent.append(name))
    monkeypatch.setattr(verifying, "aws_ports", aws.ports)
    aws.partners.steps = [CheckStep("The hub", is_ok=True, detail="fine")]
    outbox.relay()
    assert verifying.TASK in sent
    assert verifying.verify_accounts() == 1
    assert steps(account) == [True]
    assert verifying.verify_accounts() == 0


def test_without_credentials_the_page_is_told(account: AwsAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> AwsPorts:
        problem: BrokerError = NotPossible("The hub has no AWS credentials.")
        raise problem

    monkeypatch.setattr(verifying, "aws_ports", none)
    assert verifying.verify_accounts() == 0
    assert steps(account) == [False]


def test_a_worker_that_is_full_leaves_it(account: AwsAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "free_slot", _Full)
    with pytest.raises(RuntimeError, match="asked again"):
        verifying.verify_accounts()
    assert steps(account) == []


class _Full:
    def __enter__(self) -> bool:
        return False

    def __exit__(self, *_: object) -> None:
        return None
