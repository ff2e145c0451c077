# ruff: noqa: E501  # the table of cases is read by the row
"""Cases of the catalog and of access."""

from datetime import time

from tests.integration.database.cases import Case, one, twice
from tests.integration.database.rows import HOUR, NOW
from tests.integration.database.rows_credentials import Rows


def granted_to_oneself(rows: Rows) -> object:
    ada = rows.person()
    return rows.grant(person=ada, granted_by=ada)


ACCESS: list[Case] = [
    ("entitlement_length", one("entitlement", longest_minutes=14), one("entitlement", longest_minutes=15)),
    ("account_number_12_digits", one("account", account_id="12345678901x"), one("account", account_id="123456789012")),
    ("account_partition_known", one("account", partition="aws-mars"), one("account", partition="aws-cn")),
    ("role_title_per_account", twice("role", account=Rows.account, title="t"), twice("role", title="t")),
    ("role_name_per_account", twice("role", account=Rows.account, name="n"), twice("role", name="n")),
    ("role_method_known", one("role", method="magic"), one("role", method="assume_role")),
    ("role_session_within_aws_limits", one("role", max_session_seconds=3599), one("role", max_session_seconds=43_200)),
    ("role_allows_something", one("role", allows_console=False, allows_credentials=False), one("role", allows_console=False)),
    ("role_federation_probe", one("role", method="federation_token", requires_scope=True, probe="sts:GetAccessKeyInfo"), one("role", method="federation_token", requires_scope=True, probe="s3:ListAllMyBuckets")),
    ("role_federation_needs_scope", one("role", method="federation_token"), one("role", method="federation_token", requires_scope=True)),
    ("grant_ends_after_start", one("grant", ends_at=NOW), one("grant")),
    ("grant_state_known", one("grant", state="forgotten"), one("grant")),
    ("grant_active_was_activated", one("grant", activated_at=None), one("grant")),
    ("grant_scheduled_not_activated", one("grant", state="scheduled"), one("grant", state="scheduled", activated_at=None)),
    ("grant_ended_at_iff_ended", one("grant", state="revoked"), one("grant", state="revoked", ended_at=NOW)),
    ("grant_ended_at_iff_ended", one("grant", ended_at=NOW), one("grant")),
    ("grant_expires_not_before_end", one("grant", state="expired", ended_at=NOW), one("grant", state="expired", ended_at=NOW + HOUR)),
    ("grant_window_whole_or_none", one("grant", window_days="15"), one("grant", window_days="15", window_zone="UTC", window_opens=time(8), window_closes=time(18))),
    ("grant_window_whole_or_none", one("grant", window_zone="UTC", window_opens=time(8), window_closes=time(18)), one("grant")),
    ("grant_runs_out_only_ended", one("grant", sessions_run_out=True), one("grant", state="revoked", ended_at=NOW, sessions_run_out=True)),
    ("grant_has_reason", one("grant", reason=""), one("grant")),
    ("grant_not_to_oneself", granted_to_oneself, one("grant", granted_by=Rows.person)),
    ("grant_scope_is_frozen", one("grant", scope_template=Rows.template), one("grant", scope_template=Rows.template, scope_policy={"a": 1})),
    ("session_state_known", one("session", state="odd", answered_at=NOW), one("session")),
    ("session_answered_iff_not_asked", one("session", answered_at=NOW), one("session", state="lost", answered_at=NOW)),
    ("session_got_names_userid", one("session", state="got", answered_at=NOW), one("session", state="got", answered_at=NOW, userid="u")),
    ("session_expires_after_asked", one("session", expires_at=NOW), one("session")),
    ("deny_document_once", twice("document", account=Rows.account, name="n"), twice("document", name="n")),
    ("deny_document_kind_known", one("document", kind="team"), one("document", kind="user")),
    ("deny_document_leased_by_somebody", one("document", leased_until=NOW), one("document", leased_until=NOW, holder="h")),
    ("revocation_state_known", one("revocation", state="odd"), one("revocation")),
    ("revocation_applied_at_iff_standing", one("revocation", state="applied"), one("revocation", state="applied", applied_at=NOW)),
    ("revocation_applied_at_iff_standing", one("revocation", applied_at=NOW), one("revocation", state="cleaned", applied_at=NOW, cleaned_at=NOW)),
    ("revocation_proven_at_iff_proven", one("revocation", state="proven", applied_at=NOW), one("revocation", state="proven", applied_at=NOW, proven_at=NOW)),
    ("revocation_proven_at_iff_proven", one("revocation", state="applied", applied_at=NOW, proven_at=NOW), one("revocation", state="applied", applied_at=NOW)),
    ("revocation_cleaned_at_iff_cleaned", one("revocation", state="cleaned"), one("revocation", state="cleaned", cleaned_at=NOW)),
    ("revocation_cleaned_at_iff_cleaned", one("revocation", cleaned_at=NOW), one("revocation")),
    ("revocation_probed_while_applied", one("revocation", probe_at=NOW), one("revocation", state="applied", applied_at=NOW, probe_at=NOW)),
    ("revocation_failing_says_why", one("revocation", state="failing"), one("revocation", state="failing", last_error="e")),
    ("revocation_names_sessions", one("revocation", userids=[]), one("revocation")),
    ("deny_document_cut_has_end", one("document", issued_before=NOW), one("document", issued_before=NOW, issued_before_until=NOW + HOUR)),
    ("deny_document_cut_has_end", one("document", issued_before=NOW, issued_before_until=NOW), one("document")),
    ("kept_deny_once", twice("kept", document=Rows.document), twice("kept")),
    ("kept_deny_covers_time", one("kept", covers_until=NOW), one("kept")),
    ("sweep_one_row", one("sweep", id=2), one("sweep")),
    ("sweep_leased_by_somebody", one("sweep", leased_until=NOW), one("sweep", leased_until=NOW, holder="h")),
    ("hold_one_at_a_time", twice("hold"), twice("hold", released_at=NOW, looked_at=NOW)),
    ("hold_has_reason", one("hold", reason=""), one("hold")),
    ("hold_released_after_a_look", one("hold", released_at=NOW), one("hold", released_at=NOW, looked_at=NOW)),
    ("reconciliation_one_at_a_time", twice("reconciliation"), twice("reconciliation", made_at=NOW, problem="p")),
    (
        "reconciliation_made_says_what",
        one("reconciliation", made_at=NOW),
        one("reconciliation", made_at=NOW, report={}),
    ),
    ("alarm_once_while_open", twice("alarm", subject="s"), twice("alarm", subject="s", cleared_at=NOW)),
    ("alarm_kind_known", one("alarm", kind="odd"), one("alarm")),
    ("revocation_covers_time", one("revocation", covers_until=NOW), one("revocation")),
    ("console_link_ends_after_start", one("link", expires_at=NOW), one("link")),
]  # fmt: skip
