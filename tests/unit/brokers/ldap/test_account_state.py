"""What entries and refused binds say of an account."""

import struct
from datetime import UTC, datetime, timedelta

import pytest

from brokers.errors import IdentityUnavailable
from brokers.ldap import account_state
from brokers.ldap.entries import Entry
from brokers.ldap.reasons import Fault, Reason
from brokers.types import AccountState

NOW = datetime.now(UTC)


def entry(**values: str) -> Entry:
    return Entry(
        "cn=ada", {name.replace("_", "-").lower(): [value.encode()] for name, value in values.items()}
    )


def file_time(at: datetime) -> str:
    return str(int((at.timestamp() + 11_644_473_600) * 10_000_000))


def ad(**values: str) -> AccountState:
    return account_state.state(entry(**values), is_active_directory=True)


def other(**values: str) -> AccountState:
    return account_state.state(entry(**values), is_active_directory=False)


COMPUTED = "msDS_User_Account_Control_Computed"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"userAccountControl": "512"}, AccountState.USABLE),
        ({"userAccountControl": "514"}, AccountState.DISABLED),
        ({"userAccountControl": "66050"}, AccountState.DISABLED),
        ({"userAccountControl": "66048"}, AccountState.USABLE),
        ({"userAccountControl": "512", "accountExpires": "0"}, AccountState.USABLE),
        ({"userAccountControl": "512", "accountExpires": "9223372036854775807"}, AccountState.USABLE),
        (
            {"userAccountControl": "512", "accountExpires": file_time(NOW - timedelta(hours=2))},
            AccountState.EXPIRED,
        ),
        (
            {"userAccountControl": "512", "accountExpires": file_time(NOW + timedelta(hours=2))},
            AccountState.USABLE,
        ),
        ({"userAccountControl": "512", "lockoutTime": file_time(NOW)}, AccountState.LOCKED),
        ({"userAccountControl": "512", "lockoutTime": "0"}, AccountState.USABLE),
        ({"userAccountControl": "512", COMPUTED: "16"}, AccountState.LOCKED),
        # The lock's time is over: the domain computes that, from a policy that we don't read.
        ({"userAccountControl": "512", "lockoutTime": file_time(NOW), COMPUTED: "0"}, AccountState.USABLE),
        (
            {"userAccountControl": "512", "pwdLastSet": "0", COMPUTED: "8388608"},
            AccountState.PASSWORD_MUST_CHANGE,
        ),
        (
            {"userAccountControl": "512", "pwdLastSet": "1", COMPUTED: "8388608"},
            AccountState.PASSWORD_EXPIRED,
        ),
        ({"userAccountControl": "514", COMPUTED: "16"}, AccountState.DISABLED),
        ({"displayName": "A contact"}, AccountState.DISABLED),
    ],
)
def test_active_directory(values: dict[str, str], state: AccountState) -> None:
    assert ad(**values) is state


def test_a_state_that_may_not_be_read_is_no_state() -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        ad(sAMAccountName="ada")
    assert caught.value.reason == Fault.MALFORMED


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, AccountState.USABLE),
        ({"pwdAccountLockedTime": "000001010000Z"}, AccountState.DISABLED),
        ({"pwdAccountLockedTime": "20260101000000Z"}, AccountState.LOCKED),
        ({"nsAccountLock": "TRUE"}, AccountState.DISABLED),
        ({"nsAccountLock": "false"}, AccountState.USABLE),
        ({"pwdReset": "TRUE"}, AccountState.PASSWORD_MUST_CHANGE),
        ({"pwdReset": "FALSE"}, AccountState.USABLE),
        ({"shadowExpire": "11000"}, AccountState.EXPIRED),
        ({"shadowExpire": "-1"}, AccountState.USABLE),
        ({"shadowExpire": "999999"}, AccountState.USABLE),
        ({"shadowExpire": "soon"}, AccountState.USABLE),
        ({"pwdEndTime": f"{NOW - timedelta(hours=2):%Y%m%d%H%M%SZ}"}, AccountState.EXPIRED),
        ({"pwdEndTime": f"{NOW + timedelta(hours=2):%Y%m%d%H%M%SZ}"}, AccountState.USABLE),
    ],
)
def test_others(values: dict[str, str], state: AccountState) -> None:
    assert other(**values) is state


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("525", Reason.UNKNOWN),
        ("52e", Reason.WRONG_PASSWORD),
        ("52E", Reason.WRONG_PASSWORD),
        ("530", Reason.NOT_NOW),
        ("531", Reason.NOT_NOW),
        ("532", Reason.PASSWORD_EXPIRED),
        ("533", Reason.DISABLED),
        ("701", Reason.EXPIRED),
        ("773", Reason.PASSWORD_MUST_CHANGE),
        ("775", Reason.LOCKED),
        ("57", None),
    ],
)
def test_diagnostics(data: str, reason: Reason | None) -> None:
    said = f"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v3839"
    assert account_state.by_diagnostic(said) is reason


@pytest.mark.parametrize("message", ["", "data", "metadata 533", "Invalid credentials"])
def test_other_diagnostics_say_nothing(message: str) -> None:
    assert account_state.by_diagnostic(message) is None


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        (b"", None),
        (b"0\x00", None),
        (b"0\x03\x81\x01\x00", Reason.PASSWORD_EXPIRED),
        (b"0\x03\x81\x01\x01", Reason.LOCKED),
        (b"0\x03\x81\x01\x02", Reason.PASSWORD_MUST_CHANGE),
        (b"0\x03\x81\x01\x05", None),
        # A warning (so many seconds are left) before the error, and alone.
        (b"0\x08\xa0\x03\x80\x01\x09\x81\x01\x02", Reason.PASSWORD_MUST_CHANGE),
        (b"0\x05\xa0\x03\x80\x01\x09", None),
        (b"0\x05\xa0\x03\x80\x01\x81", None),
        (struct.pack("BB", 0x30, 1) + b"\x81", None),
    ],
)
def test_password_policy_responses(control: bytes, reason: Reason | None) -> None:
    assert account_state.by_policy(control) is reason
