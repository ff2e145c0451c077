"""What a directory says of an account: Active Directory (MS-ADTS) and the others, each in its own words."""

import re
from datetime import UTC, datetime

from brokers.ldap.entries import Entry
from brokers.ldap.reasons import Fault, Reason, unavailable
from brokers.types import AccountState

ACTIVE_DIRECTORY = (
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "lockoutTime",
    "pwdLastSet",
)
# draft-behera-ldap-password-policy, 5.3; RFC 2307's shadowAccount; 389 Directory Server and FreeIPA.
OTHERS = ("pwdAccountLockedTime", "pwdEndTime", "pwdReset", "shadowExpire", "nsAccountLock")

# userAccountControl and its computed part (MS-ADTS, 2.2.16 and 3.1.1.4.5.17).
ACCOUNT_DISABLE = 0x2
LOCKOUT = 0x10
PASSWORD_EXPIRED = 0x800000
NEVER = {0, 0x7FFFFFFFFFFFFFFF}
_SINCE_1601 = 11_644_473_600
FOR_EVER = "000001010000Z"

# Active Directory's diagnostics of a refused bind: ERROR_LOGON_FAILURE and its kin ([MS-ERREF], 2.2), in hex.
_DATA = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)
_BY_DATA = {
    "525": Reason.UNKNOWN,
    "52e": Reason.WRONG_PASSWORD,
    "530": Reason.NOT_NOW,
    "531": Reason.NOT_NOW,
    "532": Reason.PASSWORD_EXPIRED,
    "533": Reason.DISABLED,
    "701": Reason.EXPIRED,
    "773": Reason.PASSWORD_MUST_CHANGE,
    "775": Reason.LOCKED,
}
# The error of a password policy response (draft-behera-ldap-password-policy, 6.2).
_BY_POLICY = {
    0: Reason.PASSWORD_EXPIRED,
    1: Reason.LOCKED,
    2: Reason.PASSWORD_MUST_CHANGE,
}
_POLICY_ERROR = 0x81


def attributes(*, is_active_directory: bool) -> tuple[str, ...]:
    return ACTIVE_DIRECTORY if is_active_directory else OTHERS


def state(entry: Entry, *, is_active_directory: bool) -> AccountState:
    """Return what the entry says of itself now; the more lasting goes before what passes.

    Raises:
        IdentityUnavailable: malformed, when Active Directory doesn't let us see an account's state.
    """
    return _of_active_directory(entry) if is_active_directory else _of_others(entry)


def by_diagnostic(message: str) -> Reason | None:
    """Return why Active Directory refused a bind, by its diagnostic message; None when it doesn't say."""
    found = _DATA.search(message)
    return _BY_DATA.get(found.group(1).lower()) if found else None


def by_policy(control: bytes) -> Reason | None:
    """Return what a password policy response says: SEQUENCE { warning [0] OPTIONAL, error [1] ENUMERATED OPTIONAL }."""
    rest = control[2:]
    while len(rest) > 2:  # noqa: PLR2004  # a tag and a length
        tag, length = rest[0], rest[1]
        if tag == _POLICY_ERROR:
            return _BY_POLICY.get(int.from_bytes(rest[2 : 2 + length]))
        rest = rest[2 + length :]
    return None


def _of_active_directory(entry: Entry) -> AccountState:
    control = _number(entry, "userAccountControl")
    if control is None:
        if entry.first("sAMAccountName") or entry.first("userPrincipalName"):
            raise unavailable(
                Fault.MALFORMED, f"{entry.dn}: userAccountControl may not be read by our account"
            )
        return AccountState.DISABLED  # a contact, who has no account
    computed = _number(entry, "msDS-User-Account-Control-Computed")
    locked = bool(computed & LOCKOUT) if computed is not None else bool(_number(entry, "lockoutTime"))
    found = {
        AccountState.DISABLED: bool(control & ACCOUNT_DISABLE),
        AccountState.EXPIRED: _has_passed(_number(entry, "accountExpires") or 0),
        AccountState.LOCKED: locked,
        AccountState.PASSWORD_MUST_CHANGE: _number(entry, "pwdLastSet") == 0,
        AccountState.PASSWORD_EXPIRED: bool((computed or 0) & PASSWORD_EXPIRED),
    }
    return next((state for state, is_so in found.items() if is_so), AccountState.USABLE)


def _of_others(entry: Entry) -> AccountState:
    locked_at = entry.first("pwdAccountLockedTime")
    days = _number(entry, "shadowExpire")
    found = {
        AccountState.DISABLED: locked_at == FOR_EVER or entry.first("nsAccountLock").lower() == "true",
        AccountState.EXPIRED: _is_over(entry.first("pwdEndTime"))
        or (days is not None and 0 < days <= _today()),
        AccountState.LOCKED: bool(locked_at),
        AccountState.PASSWORD_MUST_CHANGE: entry.first("pwdReset").upper() == "TRUE",
    }
    return next((state for state, is_so in found.items() if is_so), AccountState.USABLE)


def _number(entry: Entry, attribute: str) -> int | None:
    text = entry.first(attribute)
    return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else None


def _has_passed(file_time: int) -> bool:
    """Tell whether a FILETIME (100 ns since 1601; MS-DTYP, 2.3.3) lies behind us."""
    return file_time not in NEVER and file_time <= (datetime.now(UTC).timestamp() + _SINCE_1601) * 10_000_000


def _is_over(generalized_time: str) -> bool:
    """Tell whether a GeneralizedTime (RFC 4517, 3.3.13) in UTC lies behind us; what can't be read: no."""
    digits = re.match(r"[0-9]{14}", generalized_time)
    return digits is not None and digits.group() <= f"{datetime.now(UTC):%Y%m%d%H%M%S}"


def _today() -> int:
    """Return the day as shadow(5) counts: since 1970."""
    return int(datetime.now(UTC).timestamp()) // 86_400
