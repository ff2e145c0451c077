# ruff: noqa: E501  # the table of cases is read by the row
"""Cases of partners, their own AWS accounts, and what is made for them."""

from tests.integration.database.cases import Case, one, twice
from tests.integration.database.rows import HOUR, NOW
from tests.integration.database.rows_credentials import Rows


def deputised_to_the_sponsor(rows: Rows) -> object:
    ada = rows.person()
    return rows.partner(sponsor=ada, deputy=ada)


PARTNERS: list[Case] = [
    ("partner_slug_plain", one("partner", slug="a--b"), one("partner", slug="a-b")),
    ("partner_deputy_is_another", deputised_to_the_sponsor, one("partner", sponsor=Rows.person, deputy=Rows.person)),
    ("partner_account_once", twice("partner_account", partner=Rows.partner, account_id="123456789012"), twice("partner_account", partner=Rows.partner, account_id="123456789012", closed_at=NOW)),
    ("partner_account_once", twice("partner_account", partner=Rows.partner, account_id="123456789012"), twice("partner_account", account_id="123456789012")),
    ("partner_account_12_digits", one("partner_account", account_id="12345678901x"), one("partner_account", account_id="123456789012")),
    ("partner_account_partition_known", one("partner_account", partition="aws-mars"), one("partner_account", partition="aws-us-gov")),
    ("sponsor_question_one_open", twice("question", partner=Rows.partner), twice("question", partner=Rows.partner, answered_at=NOW, answer="taken")),
    ("sponsor_question_answered_with_words", one("question", answered_at=NOW), one("question", answered_at=NOW, answer="over")),
    ("sponsor_question_answered_with_words", one("question", answer="over"), one("question")),
    ("sponsor_question_has_time", one("question", answer_by=NOW), one("question")),
    ("person_partner_admin_of_partner", one("person", is_partner_admin=True), one("person", is_partner_admin=True, partner=Rows.partner)),
    ("scope_of_library_once", twice("template", library_key="s3-read"), twice("template")),
    ("grant_has_one_subject", one("grant", person=None), one("grant", person=None, partner_account=Rows.partner_account)),
    ("grant_has_one_subject", one("grant", partner_account=Rows.partner_account), one("grant")),
    ("external_id_one_current", twice("external_id", partner_account=Rows.partner_account), twice("external_id", partner_account=Rows.partner_account, accepted_until=NOW)),
    ("external_id_accepted_after_made", one("external_id", accepted_until=NOW - HOUR), one("external_id", accepted_until=NOW)),
    ("external_id_proof_done_iff_over", one("proof", state="proven"), one("proof", state="proven", done_at=NOW, due_at=None)),
    ("external_id_proof_done_iff_over", one("proof", due_at=None), one("proof")),
    ("external_id_proof_done_iff_over", one("proof", state="odd"), one("proof", state="failed", done_at=NOW, due_at=None)),
    ("external_id_proof_asked_once", twice("proof", external_id=Rows.external_id, account=Rows.account), twice("proof", external_id=Rows.external_id, account=Rows.account, state="failed", done_at=NOW, due_at=None)),
    ("external_id_proof_asked_once", twice("proof", external_id=Rows.external_id, account=Rows.account), twice("proof", external_id=Rows.external_id)),
    ("partner_role_state_known", one("partner_role", state="odd"), one("partner_role")),
    ("partner_role_gone_at_iff_gone", one("partner_role", state="gone", closing_at=NOW, due_at=None), one("partner_role", state="gone", closing_at=NOW, gone_at=NOW, due_at=None)),
    ("partner_role_gone_at_iff_gone", one("partner_role", gone_at=NOW), one("partner_role")),
    ("partner_role_gone_at_iff_gone", one("partner_role", state="gone", closing_at=NOW, gone_at=NOW, due_at=None, check_at=NOW), one("partner_role", check_at=NOW)),
    ("partner_role_standing_was_made", one("partner_role", state="standing"), one("partner_role", state="standing", made_at=NOW)),
    ("partner_role_closing_at_iff_closing", one("partner_role", state="closing"), one("partner_role", state="closing", closing_at=NOW)),
    ("partner_role_closing_at_iff_closing", one("partner_role", closing_at=NOW), one("partner_role")),
    ("partner_role_unfinished_is_due", one("partner_role", due_at=None), one("partner_role", state="standing", made_at=NOW, due_at=None)),
    ("partner_role_leased_by_somebody", one("partner_role", leased_until=NOW), one("partner_role", leased_until=NOW, holder="h")),
    ("partner_role_leased_by_somebody", one("partner_role", holder="h"), one("partner_role")),
    ("partner_role_written_not_ahead", one("partner_role", written=2), one("partner_role", written=1)),
    ("role_drift_once", twice("drift", account=Rows.account), twice("drift", account=Rows.account, state="over", over_at=NOW)),
    ("role_drift_once", twice("drift", account=Rows.account), twice("drift")),
    ("role_drift_state_known", one("drift", state="odd"), one("drift")),
    ("role_drift_over_at_iff_over", one("drift", state="over"), one("drift", state="over", over_at=NOW)),
    ("role_drift_over_at_iff_over", one("drift", over_at=NOW), one("drift")),
    ("role_drift_decided_says_why", one("drift", state="accepted", decided_at=NOW), one("drift", state="accepted", decided_at=NOW, reason="r")),
    ("role_drift_decided_says_why", one("drift", state="repairing", reason="r"), one("drift", state="repairing", reason="r", decided_at=NOW)),
]  # fmt: skip
