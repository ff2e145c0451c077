"""The demo's story is told again at each start, also after one that was broken off."""

from datetime import timedelta
from typing import Any

import pytest

from portal.catalog.models import AwsAccount
from portal.demo.story_partners import BUCKET, tell_of_partners
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

pytestmark = pytest.mark.django_db
TELLER = Actor.command("demo")


@pytest.mark.parametrize(
    ("waited", "asked_anew"), [(timedelta(seconds=5), False), (timedelta(minutes=5), True)]
)
def test_a_verification_that_a_broken_off_demo_asked_for_is_left_to_the_worker(
    account: AwsAccount, waited: timedelta, asked_anew: bool
) -> None:
    before = database_now() - waited
    arn = f"arn:aws:iam::{account.account_id}:role/SallyportProvisioner"
    AwsAccount.objects.update(provisioner_role_arn=arn, verify_asked_at=before)
    estate: dict[str, Any] = {
        "buckets": [{"name": BUCKET, "account_id": account.account_id}],
        "partners": [],
    }
    tell_of_partners(estate=estate, giver=TELLER, teller=TELLER)
    account.refresh_from_db()
    assert account.verify_asked_at is not None
    assert (account.verify_asked_at > before) is asked_anew
