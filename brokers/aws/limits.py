"""Limits of STS calls: checked here, before the call, because botocore sends almost anything.

Figures come from botocore's service model; a constant stands here only where the model has none. Every
check raises LimitExceeded naming field, value (never a secret) and limit.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta

from brokers.aws import checks
from brokers.aws.service_model import ModelLimit, limit_of
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded

# Role chaining: STS API reference, AssumeRole: one hour at most.
CHAINED_SECONDS = 3600
# The model's AssumeRole.Policy has no maximum. The documentation's counts managed policies' ARNs too.
SESSION_POLICY_CHARACTERS = 2048
MANAGED_SESSION_POLICIES = 10
SHORTEST_SESSION = timedelta(seconds=900)


def assume_role_duration(duration: timedelta, *, max_session: timedelta, chained: bool) -> int:
    """Return DurationSeconds of AssumeRole: 900 s to the role's own maximum, 3,600 s when chained."""
    model = limit_of("sts", "AssumeRole", "DurationSeconds")
    least, most = _range(model)
    role_most = role_max_session(max_session)
    if chained and role_most > CHAINED_SECONDS:
        return checks.seconds(
            "DurationSeconds", duration, minimum=least, maximum=CHAINED_SECONDS, why=" when roles are chained"
        )
    return checks.seconds("DurationSeconds", duration, minimum=least, maximum=min(most, role_most))


def role_max_session(value: timedelta) -> int:
    """Return a role's MaxSessionDuration: 3,600 to 43,200 s."""
    least, most = _range(limit_of("iam", "CreateRole", "MaxSessionDuration"))
    return checks.seconds("MaxSessionDuration", value, minimum=least, maximum=most)


def federation_duration(duration: timedelta) -> int:
    """Return DurationSeconds of GetFederationToken: 900 to 129,600 s."""
    least, most = _range(limit_of("sts", "GetFederationToken", "DurationSeconds"))
    return checks.seconds("DurationSeconds", duration, minimum=least, maximum=most)


def session_token_duration(duration: timedelta) -> int:
    """Return DurationSeconds of GetSessionToken: 900 to 129,600 s."""
    least, most = _range(limit_of("sts", "GetSessionToken", "DurationSeconds"))
    return checks.seconds("DurationSeconds", duration, minimum=least, maximum=most)


def root_duration(duration: timedelta) -> int:
    """Return DurationSeconds of AssumeRoot: 1 to 900 s."""
    _, most = _range(limit_of("sts", "AssumeRoot", "DurationSeconds"))
    return checks.seconds("DurationSeconds", duration, minimum=1, maximum=most)


def access_key_id(value: str) -> None:
    """AccessKeyId of a user's own key: 16 to 128 letters, digits and `_`."""
    checks.text("AccessKeyId", value, limit_of("iam", "UpdateAccessKey", "AccessKeyId"))


def role_session_name(value: str) -> None:
    r"""RoleSessionName: 2 to 64 of `[\w+=,.@-]`."""
    checks.text("RoleSessionName", value, limit_of("sts", "AssumeRole", "RoleSessionName"))


def source_identity(value: str) -> None:
    r"""SourceIdentity: 2 to 64 of `[\w+=,.@-]`."""
    checks.text("SourceIdentity", value, limit_of("sts", "AssumeRole", "SourceIdentity"))


def federation_name(value: str) -> None:
    r"""GetFederationToken's Name: 2 to 32 of `[\w+=,.@-]`."""
    checks.text("Name", value, limit_of("sts", "GetFederationToken", "Name"))


def external_id(value: str) -> None:
    r"""ExternalId: 2 to 1,224 of `[\w+=,.@:\/-]`."""
    checks.text("ExternalId", value, limit_of("sts", "AssumeRole", "ExternalId"))


def mfa_serial(value: str) -> None:
    """SerialNumber of an MFA device: 9 to 256 characters."""
    checks.text("SerialNumber", value, limit_of("sts", "GetSessionToken", "SerialNumber"))


def mfa_code(value: str) -> None:
    """TokenCode: 6 digits. A secret: never shown."""
    checks.text("TokenCode", value, limit_of("sts", "GetSessionToken", "TokenCode"), secret=True)


def saml_assertion(value: str) -> None:
    """SAMLAssertion (base64): 4 to 100,000 characters. A secret: never shown."""
    checks.text("SAMLAssertion", value, limit_of("sts", "AssumeRoleWithSAML", "SAMLAssertion"), secret=True)


def web_identity_token(value: str) -> None:
    """WebIdentityToken: 4 to 20,000 characters. A secret: never shown."""
    limit = limit_of("sts", "AssumeRoleWithWebIdentity", "WebIdentityToken")
    checks.text("WebIdentityToken", value, limit, secret=True)


def session_policy(document: str, managed_policy_arns: Sequence[str] = ()) -> None:
    """Session policies: at most 10 managed ones; inline and managed ARNs together 2,048 characters."""
    checks.count("PolicyArns", len(managed_policy_arns), MANAGED_SESSION_POLICIES, "managed policies")
    total = len(document) + sum(map(len, managed_policy_arns))
    checks.characters("Policy", total, SESSION_POLICY_CHARACTERS)


def session_tags(tags: Mapping[str, str]) -> None:
    """Session tags: at most 50; keys 1 to 128, values 0 to 256 letters, digits, spaces and `_.:/=+-@`."""
    checks.count("Tags", len(tags), limit_of("sts", "AssumeRole", "Tags").maximum or 0, "tags")
    for key, value in tags.items():
        _tag_text("Tags.Key", key, limit_of("sts", "AssumeRole", "Tags.Key"))
        _tag_text("Tags.Value", value, limit_of("sts", "AssumeRole", "Tags.Value"))


def _tag_text(field: str, value: str, limit: ModelLimit) -> None:
    checks.text(field, value, limit)
    # The model's pattern is [\p{L}\p{Z}\p{N}_.:/=+\-@], which Python's re can't read.
    if not all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in value):
        raise LimitExceeded(field, shown(value), "letters, digits, spaces and _.:/=+-@")


def _range(limit: ModelLimit) -> tuple[int, int]:
    if limit.minimum is None or limit.maximum is None:  # pragma: no cover - the model has both
        raise LookupError("botocore's model lost a limit")
    return limit.minimum, limit.maximum
