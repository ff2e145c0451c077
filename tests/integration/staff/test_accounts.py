"""AWS accounts as admins keep them: what the portal needs to end what it made is not taken from it."""

import pytest
from django.test import Client

from portal.access.models import PartnerRole
from portal.directory.models import Person
from portal.kernel.clock import database_now
from tests.integration.staff.pages import errors_of, save
from tests.partners import account_grant, make_partner, partner_account
from tests.world import signed_in

pytestmark = pytest.mark.django_db


def test_the_provisioner_stays_as_long_as_there_are_roles_to_take_away(root: Person) -> None:
    client: Client = signed_in(root)
    ours = account_grant(partner_account(make_partner())).role.account
    ours.provisioner_role_arn = f"arn:aws:iam::{ours.account_id}:role/SallyportProvisioner"
    ours.save()
    page = f"/manage/catalog/awsaccount/{ours.pk}/change/"
    now = database_now()
    for state, closing_at in (("making", None), ("standing", None), ("closing", now)):
        PartnerRole.objects.update(state=state, made_at=now, closing_at=closing_at, due_at=now)
        refused = errors_of(save(client, page, provisioner_role_arn=""))
        assert set(refused) == {"provisioner_role_arn"}
        assert refused["provisioner_role_arn"][0].startswith("1 roles were made here for partners")
    another = f"arn:aws:iam::{ours.account_id}:role/AnotherProvisioner"
    assert errors_of(save(client, page, provisioner_role_arn=another)) == {}
    PartnerRole.objects.update(state="gone", gone_at=now, due_at=None, check_at=None)
    assert errors_of(save(client, page, provisioner_role_arn="")) == {}
    ours.refresh_from_db()
    assert ours.provisioner_role_arn == ""
