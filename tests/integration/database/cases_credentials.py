"""Cases of issuing: methods of roles, hubs, cached credentials, tokens, programs that sign in."""

from tests.integration.database.cases import Case, one, twice
from tests.integration.database.rows import HOUR, NOW
from tests.integration.database.rows_credentials import Rows

SAML = {"method": "saml", "provider_arn": "p", "vouched_by": Rows.idp}
WEB = {"method": "web_identity", "audience": "a", "vouched_by": Rows.idp}
POOL = {
    "method": "cognito",
    "identity_pool_id": "i",
    "login_name": "l",
    "audience": "a",
    "vouched_by": Rows.idp,
}
DEVELOPER = {"method": "cognito_developer", "identity_pool_id": "i", "login_name": "l"}
TOKEN = {"method": "session_token", "allows_console": False}
ROOT = {
    "method": "root_task",
    "allows_console": False,
    "max_session_seconds": 900,
    "root_task": "IAMAuditRootUserCredentials",
}
DECIDED = {"person": Rows.person, "decided_at": NOW}

CREDENTIALS: list[Case] = [
    ("role_session_within_aws_limits", one("role", **POOL, max_session_seconds=7200), one("role", **POOL)),
    (
        "role_session_within_aws_limits",
        one("role", **ROOT | {"max_session_seconds": 3600}),
        one("role", **ROOT),
    ),
    (
        "role_session_within_aws_limits",
        one("role", **TOKEN, max_session_seconds=899),
        one("role", **TOKEN, max_session_seconds=129_600),
    ),
    (
        "role_without_session_policy_takes_no_scope",
        one("role", **TOKEN, requires_scope=True),
        one("role", **WEB, requires_scope=True),
    ),
    (
        "role_console_needs_a_role_or_federation",
        one("role", **TOKEN | {"allows_console": True}),
        one("role", **TOKEN),
    ),
    ("role_vouched_for", one("role", **SAML | {"provider_arn": ""}), one("role", **SAML)),
    ("role_vouched_for", one("role", **SAML | {"vouched_by": None}), one("role", **SAML)),
    ("role_vouched_for", one("role", **WEB | {"audience": ""}), one("role", **WEB)),
    ("role_vouched_for", one("role", **WEB | {"vouched_by": None}), one("role", **WEB)),
    ("role_vouched_for", one("role", **POOL | {"identity_pool_id": ""}), one("role", **POOL)),
    ("role_vouched_for", one("role", **POOL | {"login_name": ""}), one("role", **POOL)),
    ("role_vouched_for", one("role", **POOL | {"audience": ""}), one("role", **POOL)),
    ("role_vouched_for", one("role", **POOL | {"vouched_by": None}), one("role", **POOL)),
    ("role_vouched_for", one("role", **DEVELOPER | {"login_name": ""}), one("role", **DEVELOPER)),
    ("role_root_task_named", one("role", **ROOT | {"root_task": ""}), one("role", **ROOT)),
    ("role_root_task_named", one("role", root_task="IAMAuditRootUserCredentials"), one("role")),
    ("role_chained_by_assume_role", one("role", **TOKEN, via=Rows.role), one("role", via=Rows.role)),
    ("account_hub_is_whole", one("hub", secret=b""), one("hub")),
    (
        "account_hub_is_whole",
        one("hub", kind="role"),
        one("hub", kind="role", access_key_id="", secret=b"", role_arn="r"),
    ),
    (
        "account_hub_is_whole",
        one("hub", kind="ambient"),
        one("hub", kind="ambient", access_key_id="", secret=b""),
    ),
    (
        "account_hub_is_whole",
        one("hub", kind="web_identity", access_key_id="", secret=b"", role_arn="r"),
        one("hub", kind="web_identity", access_key_id="", secret=b"", role_arn="r", token_file="t"),
    ),
    (
        "credential_slot_cached_whole",
        one("slot", expires_at=NOW),
        one("slot", expires_at=NOW, session=Rows.session, key=b"k", version="v"),
    ),
    ("credential_slot_cached_whole", one("slot", sealed=b"s"), one("slot", key=b"k", version="v")),
    (
        "credential_slot_refusal_whole",
        one("slot", refused_until=NOW),
        one("slot", refused_until=NOW, refused_code="c"),
    ),
    ("hand_out_once", twice("hand_out", session=Rows.session), twice("hand_out")),
    ("sts_budget_once", twice("budget", account=Rows.account), twice("budget")),
    ("sts_budget_not_negative", one("budget", tokens=-0.5), one("budget", tokens=0.0)),
    (
        "credential_token_ends_after_start",
        one("credential_token", expires_at=NOW),
        one("credential_token", expires_at=NOW + HOUR),
    ),
    ("user_key_is_whole", one("user_key", mfa_serial=""), one("user_key")),
    ("device_sign_in_ends_after_start", one("device", expires_at=NOW), one("device")),
    ("device_sign_in_decided_whole", one("device", approved=False), one("device", approved=False, **DECIDED)),
    (
        "device_sign_in_taken_only_approved",
        one("device", taken_at=NOW),
        one("device", approved=True, taken_at=NOW, **DECIDED),
    ),
]
