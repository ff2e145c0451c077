"""sts:GetSessionToken, and the virtual MFA devices whose codes it takes (RFC 6238: SHA-1, 6 digits, 30 seconds).

A device's seed is MiniStack's to keep, in its state. A code counts once, and up to a step before or after its time.
"""

import base64
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape

from portal.demo.sandbox.calls.answers import sts_answer
from portal.demo.sandbox.calls.inside import Answer, Inside, Parameters
from portal.demo.sandbox.calls.sessions import Order, make
from portal.demo.sandbox.refusals import Refused

ACTION = "GetSessionToken"
DEFAULT_SECONDS = 43_200
STEP_S = 30
FAILED = "MultiFactorAuthentication failed"


def code_at(seed: str, step: int) -> str:
    """Return the code of a base32 seed (RFC 4226, 5.3)."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def step_of(seed: str, code: str, *, after: int) -> int | None:
    """Return the step that the code is of, among those near now and later than `after`."""
    now = int(time.time()) // STEP_S
    near = (step for step in (now - 1, now, now + 1) if step > after)
    return next((step for step in near if hmac.compare_digest(code_at(seed, step), code)), None)


def check_code(device: dict[str, Any] | None, user: str, code: str) -> None:
    """Take a code of the user's device, which counts once."""
    if device is None or device.get("User") != user:
        why = "unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this"
        raise Refused("AccessDenied", f"{FAILED}, {why} user.", 403)
    step = step_of(device["Base32StringSeed"], code, after=int(device.get("LastStep", 0)))
    if step is None:
        raise Refused("AccessDenied", f"{FAILED} with invalid MFA one time pass code. ", 403)
    device["LastStep"] = step


async def get_session_token(inside: Inside, parameters: Parameters, headers: Any, query: Any) -> Answer:
    """Answer the call. Whose key signed it, MiniStack has judged: the caller comes with the request's headers."""
    caller = inside.sts._caller_identity(headers, query)  # noqa: SLF001
    if not isinstance(caller, dict):
        return inside.sts._credential_error_response(caller)  # type: ignore[no-any-return] # noqa: SLF001
    if caller["isTemporary"] or caller["principalType"] != "User":
        raise Refused("AccessDenied", f"Cannot call {ACTION} with session credentials", 403)
    serial, code = (inside.given(parameters, name) for name in ("SerialNumber", "TokenCode"))
    if bool(serial) != bool(code):
        why = "must provide both MFA serial number and one time pass code."
        raise Refused("AccessDenied", f"{FAILED}, {why} ", 403)
    if serial:
        check_code(inside.mfa_device(caller["accountId"], serial), caller["principalName"], code)
    order = Order(
        caller["userArn"],
        caller["userId"],
        caller["accountId"],
        int(inside.given(parameters, "DurationSeconds") or DEFAULT_SECONDS),
        kind="User",
        keys={"aws:MultiFactorAuthPresent": "true" if serial else "false"},
        more={
            "PrincipalName": caller["principalName"],
            "SourceAccessKeyId": caller["accessKey"],
            "SourcePrincipalArn": caller["userArn"],
        },
    )
    return sts_answer(inside, ACTION, make(inside, order), {})


def give_real_devices(inside: Inside) -> None:
    """Have virtual devices with seeds that apps can read, enabled by two codes in a row, as AWS wants them."""
    handlers: dict[str, Any] = inside.iam._IAM_HANDLERS  # noqa: SLF001
    plain_create, plain_enable = handlers["CreateVirtualMFADevice"], handlers["EnableMFADevice"]

    def create(parameters: Parameters) -> Any:
        status, headers, body = plain_create(parameters)
        device = _named(inside, body)
        if device is not None:
            old = base64.b64encode(device["Base32StringSeed"].encode())
            device["Base32StringSeed"] = base64.b32encode(secrets.token_bytes(20)).decode()
            body = body.replace(old, base64.b64encode(device["Base32StringSeed"].encode()))
        return status, headers, body

    def enable(parameters: Parameters) -> Any:
        serial = inside.given(parameters, "SerialNumber")
        device = inside.iam._mfa_devices.get(serial)  # noqa: SLF001
        if device is not None and device["User"] is None:
            codes = [inside.given(parameters, f"AuthenticationCode{number}") for number in (1, 2)]
            if not _in_a_row(device["Base32StringSeed"], codes):
                message = f"Authentication code for device is not valid: {escape(serial)}"
                return inside.iam._error(403, "InvalidAuthenticationCode", message, ns="iam")  # noqa: SLF001
            device["LastStep"] = (
                int(time.time()) // STEP_S - 2
            )  # what enabled it may be used still, as at a first sign-in
        return plain_enable(parameters)

    handlers |= {"CreateVirtualMFADevice": create, "EnableMFADevice": enable}


def _named(inside: Inside, body: bytes) -> dict[str, Any] | None:
    devices: dict[Any, dict[str, Any]] = inside.iam._mfa_devices._data  # noqa: SLF001
    found = (each for each in devices.values() if f"<SerialNumber>{each['SerialNumber']}<".encode() in body)
    return next(found, None)


def _in_a_row(seed: str, codes: Iterable[str]) -> bool:
    """Whether these are two codes after each other, of some minutes around now."""
    first, second = codes
    now = int(time.time()) // STEP_S
    return any(
        code_at(seed, step) == first and code_at(seed, step + 1) == second
        for step in range(now - 10, now + 10)
    )
