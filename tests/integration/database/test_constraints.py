"""Every named constraint refuses its impossible row and takes the neighbour, on either database."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from tests.integration.database.cases_access import ACCESS
from tests.integration.database.cases_credentials import CREDENTIALS
from tests.integration.database.cases_directory import DIRECTORY
from tests.integration.database.cases_partners import PARTNERS
from tests.integration.database.rows_credentials import Rows

pytestmark = pytest.mark.django_db
OURS = ("kernel", "audit", "directory", "catalog", "access")
CASES = [*DIRECTORY, *ACCESS, *PARTNERS, *CREDENTIALS]
# An unknown state is neither living nor ended: several constraints refuse it, and the database names one.
BROKEN_TOO = {
    "grant_state_known": "grant_ended_at_iff_ended",
    "revocation_state_known": "revocation_applied_at_iff_standing",
    "partner_role_state_known": "partner_role_closing_at_iff_closing",
}


@pytest.mark.parametrize(("name", "impossible", "neighbour"), CASES, ids=[case[0] for case in CASES])
def test_refuses_the_impossible_and_takes_the_neighbour(
    name: str, impossible: Callable[[Rows], object], neighbour: Callable[[Rows], object]
) -> None:
    rows = Rows()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        impossible(rows)
    found = next(c for model in _models() for c in model._meta.constraints if c.name == name)
    if connection.vendor == "postgresql" or isinstance(found, models.CheckConstraint):
        assert name in str(refused.value) or BROKEN_TOO.get(name, name) in str(refused.value)
    else:  # SQLite names the columns of a unique constraint
        assert "UNIQUE constraint failed" in str(refused.value)
    neighbour(Rows())


def test_every_constraint_of_ours_has_its_case() -> None:
    named = {str(constraint.name) for model in _models() for constraint in model._meta.constraints}
    assert named == {case[0] for case in CASES}


def test_what_history_needs_is_protected() -> None:
    """Whatever points at people, roles or grants keeps them; only what is worthless alone goes along."""
    cascades = {
        f"{model.__name__}.{field.name}"
        for model in _models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.remote_field.on_delete is not models.PROTECT
    }
    assert cascades == {
        "AccountHub.account",
        "CredentialSlot.grant",
        "HandOut.session",
        "StsBudget.account",
        "GroupMembership.group",
        "GroupMembership.person",
        "ScimMembership.group",
        "ScimMembership.user",
        "PartnerContact.partner",
        "PartnerDocument.partner",
        "PendingSignIn.provider",
        "PendingSignIn.person",
        "SeenAssertion.provider",
        "SignIn.person",
        "SignIn.identity",
        "SamlSettings.provider",
        "LdapSettings.provider",
        "OidcSettings.provider",
        "ScimToken.provider",
        "ScimUser.provider",
        "ScimUser.identity",
        "ScimGroup.provider",
        "ScimGroup.group",
        "SyncRun.provider",
        "SyncRun.asked_by",
        "AuthenticatorApp.person",
        "Passkey.person",
        "RecoveryCode.person",
        "LocalPassword.identity",
        "Person.deactivated_by_provider",
        "ScopeTemplate_roles.scopetemplate",
        "ScopeTemplate_roles.awsrole",
        "Person_groups.person",
        "Person_groups.group",
        "Person_user_permissions.person",
        "Person_user_permissions.permission",
    }


@pytest.mark.parametrize("make", ["person", "role", "grant"])
def test_a_delete_is_refused_where_something_points(make: str) -> None:
    rows = Rows()
    session = rows.session()
    target = {"grant": session.grant, "person": session.grant.person, "role": session.grant.role}[make]  # type: ignore[attr-defined]  # a session has a grant
    with pytest.raises(models.ProtectedError):
        target.delete()
    getattr(rows, make)().delete()


def _models() -> list[type[models.Model]]:
    return [
        model for label in OURS for model in apps.get_app_config(label).get_models(include_auto_created=True)
    ]
