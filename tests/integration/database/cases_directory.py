# ruff: noqa: E501  # the table of cases is read by the row
"""Cases of the kernel, the trail and the directory."""

from uuid import uuid4

from tests.integration.database.cases import Case, one, twice
from tests.integration.database.rows import NOW
from tests.integration.database.rows_credentials import Rows

DIRECTORY: list[Case] = [
    ("tally_once", twice("tally", name="n", label="l"), twice("tally", name="n")),
    ("partner_contract_ends_after_start", one("partner", contract_ends_at=NOW), one("partner")),
    ("person_active_or_deactivated_at", one("person", is_active=False), one("person", is_active=False, deactivated_at=NOW)),
    ("person_active_or_deactivated_at", one("person", deactivated_at=NOW), one("person")),
    ("person_of_partner_never_admin", one("person", partner=Rows.partner, is_staff=True), one("person", partner=Rows.partner)),
    ("person_superuser_is_staff", one("person", is_superuser=True), one("person", is_superuser=True, is_staff=True)),
    ("idp_kind_known", one("idp", kind="kerberos"), one("idp", kind="oidc")),
    ("idp_assertion_lifetime", one("saml", max_assertion_minutes=71), one("saml", max_assertion_minutes=70)),
    ("idp_max_age", one("idp", max_age_hours=0), one("idp", max_age_hours=1)),
    ("idp_local_is_own", one("idp", kind="local", partner=Rows.partner), one("idp", kind="local")),
    ("idp_one_local", twice("idp", kind="local"), twice("idp", kind="ldap")),
    ("oidc_client_once", twice("oidc", issuer="https://i", client_id="c"), twice("oidc", issuer="https://i")),
    ("identity_gone_has_reason", one("identity", gone_at=NOW), one("identity", gone_at=NOW, gone_why="removed")),
    ("pending_sign_in_person", one("pending", purpose="link"), one("pending", purpose="link", person=Rows.person)),
    ("authenticator_app_name_once", twice("app", person=Rows.person, name="a"), twice("app", person=Rows.person)),
    ("passkey_name_once", twice("passkey", person=Rows.person, name="a"), twice("passkey", person=Rows.person)),
    ("scim_token_ends_after_start", one("scim_token", expires_at=NOW), one("scim_token")),
    ("sync_one_at_a_time", twice("sync", provider=Rows.idp), twice("sync", provider=Rows.idp, state="done")),
    ("idp_sign_in_age", one("idp", sign_in_hours=25), one("idp", sign_in_hours=24)),
    ("identity_means_one_person", twice("identity", provider=Rows.idp, subject="s"), twice("identity", subject="s")),
    ("identity_has_subject", one("identity", subject=""), one("identity", subject="s")),
    ("group_name_per_provider", twice("group", provider=Rows.idp, name="g"), twice("group", provider=Rows.idp)),
    (
        "group_external_id_per_provider",
        twice("group", provider=Rows.idp, external_id="e"),
        twice("group", external_id="e"),
    ),
    (
        "scim_user_name_once",
        lambda rows: [rows.scim_user(user_name=name) for name in ("Ada", "ADA")],
        lambda rows: [rows.scim_user(user_name=name) for name in ("Ada", "Eve")],
    ),
    (
        "scim_membership_once",
        twice("told_membership", group=Rows.scim_group, user=Rows.scim_user),
        twice("told_membership", group=Rows.scim_group),
    ),
    ("group_name_of_own", twice("group", name="g"), twice("group")),
    ("membership_once", twice("membership", group=Rows.group, person=Rows.person), twice("membership", group=Rows.group)),
    ("pending_sign_in_period", one("pending", expires_at=NOW), one("pending")),
    ("assertion_counts_once", twice("assertion", provider=Rows.idp, assertion_id="a"), twice("assertion", assertion_id="a")),
    ("token_ends_after_start", one("token", expires_at=NOW), one("token")),
    ("audit_outcome_known", one("event", outcome="odd"), one("event")),
    ("audit_person_has_id", one("event", actor_kind="person"), one("event", actor_kind="person", actor_id=uuid4())),
]  # fmt: skip
