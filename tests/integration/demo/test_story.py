"""The demo's story is told again at each start, also after one that was broken off."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.access.models import Grant
from portal.catalog.models import AwsAccount, AwsRole
from portal.demo import story, story_partners
from portal.demo.story_calls import TRIES
from portal.demo.story_partners import BUCKET, tell_of_partners
from portal.directory.models import OidcSettings
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.fakes import FakeAws
from tests.servers.demo_idp import demo_idp
from tests.servers.sandbox import Sandbox

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


@pytest.mark.once
def test_each_way_to_credentials_has_a_role_and_somebody_to_try_it(
    aws: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    estate, fake = aws.estate, FakeAws()
    for module in (story, story_partners):
        monkeypatch.setattr(module, "aws_ports", fake.ports)
    with demo_idp(tmp_path) as idp:
        metadata = idp.metadata().decode()
    story.tell(estate=estate, idp_metadata=metadata)
    told = {(grant.role.method, grant.role.title) for grant in Grant.objects.filter(ended_at=None)}
    methods = {method for method, _ in told}
    assert methods == set(AwsRole.Method.values)
    assert {title for _, title in told} >= {each.title for each in TRIES}
    far = AwsRole.objects.get(title="Measurements from afar")
    assert far.via is not None
    assert far.via.name == "HarborRelay"
    for role in AwsRole.objects.filter(method__in=["web_identity", "cognito"]):
        assert role.vouched_by is not None
        chidi = role.vouched_by.identities.get(person__name="Chidi Rao")
        assert chidi.subject_format == ""
    # Told again where the identity provider has another port: what is there stays, and follows.
    before = set(Grant.objects.values_list("pk"))
    moved = {**estate, "identity_provider": {**estate["identity_provider"], "issuer": "http://127.0.0.1:9"}}
    story.tell(estate=moved, idp_metadata=metadata)
    assert set(Grant.objects.values_list("pk")) == before
    assert OidcSettings.objects.get().issuer == "http://127.0.0.1:9"
    assert AwsRole.objects.get(method="cognito").login_name == "127.0.0.1:9"
