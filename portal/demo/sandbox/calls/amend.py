"""Puts these calls in place of MiniStack's own, in its process."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from portal.demo.sandbox.calls import cognito, judge, mfa, root, saml, web_identity
from portal.demo.sandbox.calls.answers import json_refusal, sts_refusal
from portal.demo.sandbox.calls.inside import Answer, Inside, Parameters, inside
from portal.demo.sandbox.calls.sessions import SHORTEST, know_keys_of_sessions, lasting
from portal.demo.sandbox.refusals import Refused

Unsigned = Callable[[Inside, Parameters], Awaitable[Answer]]
Signed = Callable[[Inside, Parameters, Any, Any], Awaitable[Answer]]

UNSIGNED: dict[str, Unsigned] = {
    web_identity.ACTION: web_identity.assume,
    saml.ACTION: saml.assume,
}
# These look at who calls, too: headers and query.
SIGNED: dict[str, Signed] = {
    mfa.ACTION: mfa.get_session_token,
    root.ACTION: root.assume_root,
    judge.ACTION: judge.judge,
}
DEFAULTS = {"AssumeRole": 3600, "GetFederationToken": 43_200}


def amend_calls() -> None:
    ours = inside()
    know_keys_of_sessions(ours)
    mfa.give_real_devices(ours)
    root.judge_by_the_members_root(ours)
    root.narrow_to_the_task(ours)
    answer_sts(ours)
    answer_cognito(ours)


def answer_sts(ours: Inside) -> None:
    plain = ours.sts.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        parameters: Parameters = {**query, **parse_qs(body.decode("utf-8", errors="replace"))}
        action = ours.given(parameters, "Action")
        try:
            if action in UNSIGNED:
                return await UNSIGNED[action](ours, parameters)
            if action in SIGNED:
                return await SIGNED[action](ours, parameters, headers, query)
        except Refused as refused:
            return sts_refusal(refused)
        return await plain(method, path, headers, shortened(action, body), query)

    ours.sts.handle_request = handle_request


def answer_cognito(ours: Inside) -> None:
    plain = ours.cognito._dispatch_identity  # noqa: SLF001

    async def dispatch(action: str, data: Any) -> Any:
        call = cognito.CALLS.get(action)
        if call is None:
            return await plain(action, data)
        try:
            return await call(ours, data)
        except Refused as refused:
            return json_refusal(ours, refused)

    ours.cognito._dispatch_identity = dispatch  # noqa: SLF001


def shortened(action: str, body: bytes) -> bytes:
    """Have MiniStack's own calls give sessions as short as ours, where a test wants short ones."""
    if not SHORTEST or action not in DEFAULTS:
        return body
    pairs = dict(parse_qsl(body.decode(), keep_blank_values=True))
    pairs["DurationSeconds"] = str(int(lasting(int(pairs.get("DurationSeconds") or DEFAULTS[action]))))
    return urlencode(pairs).encode()
