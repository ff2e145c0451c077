"""From an alarm on the operators' page to what it is about, for who may look at partners."""

import pytest

from portal.access.lifecycle import AlarmKind
from portal.access.models import PartnerRole
from portal.directory.models import Partner, PartnerAccount
from tests.integration.web.operating_world import raise_alarm, sweep_ran
from tests.integration.web.partner_rows import (
    make_account_grant,
    make_partner,
    make_partner_account,
    make_place,
)
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db


def subject_of(kind: AlarmKind, account: PartnerAccount) -> str:
    if kind == AlarmKind.SPONSOR_GONE:
        return str(Partner.objects.get().pk)
    if kind == AlarmKind.ROLE_LATE:
        return str(PartnerRole.objects.get().pk)
    return f"{account.external_ids.get().pk} in 500000000001"


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (AlarmKind.ROLE_WIDENED, "/partners/drift/"),
        (AlarmKind.SPONSOR_GONE, "/partners/acme/"),
        (AlarmKind.ROLE_LATE, "/partners/acme/"),
        (AlarmKind.EXTERNAL_ID_NOT_PROVEN, "/partners/acme/accounts/{}/"),
    ],
)
def test_an_alarm_leads_to_what_it_is_about(kind: AlarmKind, path: str) -> None:
    sweep_ran()
    account = make_partner_account(make_partner())
    make_account_grant(account, make_place())
    alarm = raise_alarm(kind.value, subject_of(kind, account), "Something is wrong.")
    link = f'<a href="{path.format(account.pk)}">Look at'
    operator = make_admin("revoke_grant", "view_partner")
    assert link in signed_in(operator).get("/now/").content.decode()
    others = signed_in(make_admin("revoke_grant", name="Only Operates")).get("/now/").content.decode()
    assert "Something is wrong." in others
    assert "Look at the d" not in others.partition("Something is wrong.")[2].partition("</div>")[0]
    assert link not in others
    alarm.subject = "gone-by-now"
    alarm.save()
    shown = signed_in(operator).get("/now/")
    assert shown.status_code == 200
    assert (link in shown.content.decode()) is (kind == AlarmKind.ROLE_WIDENED)
