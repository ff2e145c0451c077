"""Limits of calls that are not made yet, and of IAM's objects: the value at the limit passes, one over doesn't."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from brokers.aws import limits, limits_cognito, limits_iam
from brokers.errors import LimitExceeded

SECOND = timedelta(seconds=1)
Case = tuple[str, Callable[[], object], Callable[[], object], str, str]


def tags(count: int) -> dict[str, str]:
    return {f"k{n}": "v" for n in range(count)}


def hidden(length: int) -> str:
    return f"(not shown, {length} characters)"


CASES: list[Case] = [
    (
        "DurationSeconds",
        lambda: limits.session_token_duration(900 * SECOND),
        lambda: limits.session_token_duration(899 * SECOND),
        "899 s",
        "900 to 129,600 s",
    ),
    (
        "DurationSeconds",
        lambda: limits.session_token_duration(129_600 * SECOND),
        lambda: limits.session_token_duration(129_601 * SECOND),
        "129,601 s",
        "900 to 129,600 s",
    ),
    (
        "SerialNumber",
        lambda: limits.mfa_serial("GAHT12345"),
        lambda: limits.mfa_serial("GAHT1234"),
        "'GAHT1234'",
        r"9 to 256 characters of [\w+=/:,.@-]",
    ),
    (
        "SerialNumber",
        lambda: limits.mfa_serial("a" * 256),
        lambda: limits.mfa_serial("a" * 257),
        f"'{'a' * 40}'… (257 characters)",
        r"9 to 256 characters of [\w+=/:,.@-]",
    ),
    (
        "TokenCode",
        lambda: limits.mfa_code("123456"),
        lambda: limits.mfa_code("1234567"),
        hidden(7),
        r"6 characters of [\d]",
    ),
    (
        "TokenCode",
        lambda: limits.mfa_code("000000"),
        lambda: limits.mfa_code("12345"),
        hidden(5),
        r"6 characters of [\d]",
    ),
    (
        "TokenCode",
        lambda: limits.mfa_code("999999"),
        lambda: limits.mfa_code("12345x"),
        hidden(6),
        r"6 characters of [\d]",
    ),
    (
        "SAMLAssertion",
        lambda: limits.saml_assertion("abcd"),
        lambda: limits.saml_assertion("abc"),
        hidden(3),
        "4 to 100,000 characters",
    ),
    (
        "SAMLAssertion",
        lambda: limits.saml_assertion("a" * 100_000),
        lambda: limits.saml_assertion("a" * 100_001),
        hidden(100_001),
        "4 to 100,000 characters",
    ),
    (
        "WebIdentityToken",
        lambda: limits.web_identity_token("abcd"),
        lambda: limits.web_identity_token("abc"),
        hidden(3),
        "4 to 20,000 characters",
    ),
    (
        "WebIdentityToken",
        lambda: limits.web_identity_token("a" * 20_000),
        lambda: limits.web_identity_token("a" * 20_001),
        hidden(20_001),
        "4 to 20,000 characters",
    ),
    (
        "Tags",
        lambda: limits.session_tags(tags(50)),
        lambda: limits.session_tags(tags(51)),
        "51 tags",
        "at most 50 tags",
    ),
    (
        "Tags.Key",
        lambda: limits.session_tags({"k" * 128: ""}),
        lambda: limits.session_tags({"k" * 129: ""}),
        f"'{'k' * 40}'… (129 characters)",
        "1 to 128 characters",
    ),
    (
        "Tags.Key",
        lambda: limits.session_tags({"k": ""}),
        lambda: limits.session_tags({"": ""}),
        "''",
        "1 to 128 characters",
    ),
    (
        "Tags.Value",
        lambda: limits.session_tags({"k": "é" * 256}),
        lambda: limits.session_tags({"k": "v" * 257}),
        f"'{'v' * 40}'… (257 characters)",
        "0 to 256 characters",
    ),
    (
        "Tags.Value",
        lambda: limits.session_tags({"k": "Größe 1_.:/=+-@"}),
        lambda: limits.session_tags({"k": "a;b"}),
        "'a;b'",
        "letters, digits, spaces and _.:/=+-@",
    ),
    (
        "Logins",
        lambda: limits_cognito.logins(tags(10)),
        lambda: limits_cognito.logins(tags(11)),
        "11 logins",
        "at most 10 logins",
    ),
    (
        "Logins.Key",
        lambda: limits_cognito.logins({"p" * 128: "t"}),
        lambda: limits_cognito.logins({"p" * 129: "t"}),
        f"'{'p' * 40}'… (129 characters)",
        "1 to 128 characters",
    ),
    (
        "Logins.Value",
        lambda: limits_cognito.logins({"p": "t" * 50_000}),
        lambda: limits_cognito.logins({"p": "t" * 50_001}),
        hidden(50_001),
        "1 to 50,000 characters",
    ),
    (
        "PrincipalTags",
        lambda: limits_cognito.principal_tags(tags(50)),
        lambda: limits_cognito.principal_tags(tags(51)),
        "51 tags",
        "at most 50 tags",
    ),
    (
        "PrincipalTags.Key",
        lambda: limits_cognito.principal_tags({"k" * 128: "v"}),
        lambda: limits_cognito.principal_tags({"k" * 129: "v"}),
        f"'{'k' * 40}'… (129 characters)",
        "1 to 128 characters",
    ),
    (
        "PrincipalTags.Value",
        lambda: limits_cognito.principal_tags({"k": "v" * 256}),
        lambda: limits_cognito.principal_tags({"k": ""}),
        "''",
        "1 to 256 characters",
    ),
    (
        "TokenDuration",
        lambda: limits_cognito.token_duration(SECOND),
        lambda: limits_cognito.token_duration(0 * SECOND),
        "0 s",
        "1 to 86,400 s",
    ),
    (
        "TokenDuration",
        lambda: limits_cognito.token_duration(86_400 * SECOND),
        lambda: limits_cognito.token_duration(86_401 * SECOND),
        "86,401 s",
        "1 to 86,400 s",
    ),
    (
        "Managed policy",
        lambda: limits_iam.managed_policy(" \n" * 99 + "x" * 6_144),
        lambda: limits_iam.managed_policy("x" * 6_145),
        "6,145 characters",
        "at most 6,144 characters",
    ),
    (
        "Managed policies of a role",
        lambda: limits_iam.managed_policies_of_role(10),
        lambda: limits_iam.managed_policies_of_role(11),
        "11 policies",
        "at most 10 policies",
    ),
    (
        "Trust policy",
        lambda: limits_iam.trust_policy("\t" + "x" * 2_048),
        lambda: limits_iam.trust_policy("x" * 2_049),
        "2,049 characters",
        "at most 2,048 characters",
    ),
    (
        "Roles of an account",
        lambda: limits_iam.roles_of_account(1_000),
        lambda: limits_iam.roles_of_account(1_001),
        "1,001 roles",
        "at most 1,000 roles",
    ),
    (
        "RoleName",
        lambda: limits_iam.role_name("r" * 64),
        lambda: limits_iam.role_name("r" * 65),
        f"'{'r' * 40}'… (65 characters)",
        r"1 to 64 characters of [\w+=,.@-]",
    ),
    (
        "UserName",
        lambda: limits_iam.user_name("u" * 64),
        lambda: limits_iam.user_name("u" * 65),
        f"'{'u' * 40}'… (65 characters)",
        r"1 to 64 characters of [\w+=,.@-]",
    ),
    (
        "Path",
        lambda: limits_iam.role_path_and_name("/a/", "r"),
        lambda: limits_iam.role_path_and_name("/a", "r"),
        "'/a'",
        r"1 to 512 characters of (\u002F)|(\u002F[\u0021-\u007E]+\u002F)",
    ),
    (
        "Path and RoleName",
        lambda: limits_iam.role_path_and_name(f"/{'p' * 446}/", "r" * 64),
        lambda: limits_iam.role_path_and_name(f"/{'p' * 447}/", "r" * 64),
        "513 characters",
        "at most 512 characters",
    ),
    (
        "Path and RoleName",
        lambda: limits_iam.role_path_and_name(f"/{'p' * 22}/", "r" * 40, switch_role=True),
        lambda: limits_iam.role_path_and_name(f"/{'p' * 23}/", "r" * 40, switch_role=True),
        "65 characters",
        "at most 64 characters",
    ),
]


@pytest.mark.parametrize(("field", "fits", "over", "value", "limit"), CASES)
def test_at_the_limit_and_one_over(
    field: str, fits: Callable[[], object], over: Callable[[], object], value: str, limit: str
) -> None:
    fits()
    with pytest.raises(LimitExceeded) as caught:
        over()
    assert (caught.value.field, caught.value.value, caught.value.limit) == (field, value, limit)


def test_no_secret_is_ever_shown() -> None:
    for check in (limits.mfa_code, limits.saml_assertion, limits.web_identity_token):
        with pytest.raises(LimitExceeded) as caught:
            check("s3c")
        assert "s3c" not in str(caught.value)
    with pytest.raises(LimitExceeded) as caught:
        limits_cognito.logins({"p": "s3cret" * 10_000})
    assert "s3cret" not in str(caught.value)
