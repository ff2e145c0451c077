"""Every rule about how long a session may be, as one table: what is sent, or why nothing is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from brokers.errors import BrokerError, LimitExceeded, NotPossible
from tests.unit.brokers.aws.fakes import (
    NOW,
    POOL_SESSION,
    NobodyMayCall,
    RecordingPool,
    RecordingSts,
    developer_call,
    every_call,
    pool_call,
    role_call,
    root_call,
    saml_call,
    token_call,
    user_call,
    web_call,
)

S = timedelta(seconds=1)
H = timedelta(hours=1)
VIA = "arn:aws:iam::222222222222:role/Gate"


def assume(duration: timedelta, left: timedelta, **more: Any) -> tuple[str, Any]:
    return "assume_role", role_call(duration=duration, ends_at=NOW + left, **more)


def federate(duration: timedelta, left: timedelta) -> tuple[str, Any]:
    return "get_federation_token", token_call(duration=duration, ends_at=NOW + left)


def saml(duration: timedelta, left: timedelta, **more: Any) -> tuple[str, Any]:
    return "assume_role_with_saml", saml_call(duration=duration, ends_at=NOW + left, **more)


def web(duration: timedelta, left: timedelta, **more: Any) -> tuple[str, Any]:
    return "assume_role_with_web_identity", web_call(duration=duration, ends_at=NOW + left, **more)


def developer(duration: timedelta, left: timedelta, **more: Any) -> tuple[str, Any]:
    return "get_developer_credentials", developer_call(duration=duration, ends_at=NOW + left, **more)


def user(duration: timedelta, left: timedelta) -> tuple[str, Any]:
    return "get_session_token", user_call(duration=duration, ends_at=NOW + left)


def root(duration: timedelta, left: timedelta) -> tuple[str, Any]:
    return "assume_root", root_call(duration=duration, ends_at=NOW + left)


TEMPORARY: dict[str, Any] = {"temporary": True}
Call = tuple[str, Any]
SENT: list[tuple[str, Call, dict[str, Any], int]] = [
    ("the shortest", assume(900 * S, H), {}, 900),
    ("the role's maximum", assume(H, 24 * H, max_session=H), {}, 3600),
    ("the longest of all", assume(12 * H, 24 * H), {}, 43_200),
    ("what is left of the grant", assume(3000 * S, 3000 * S), {}, 3000),
    ("STS's floor in a grant's last minutes", assume(900 * S, 10 * S), {}, 900),
    ("a moment has gone by since it was reckoned", assume(3050 * S, 3000 * S), {}, 3050),
    ("an hour by a hub on temporary credentials", assume(H, 24 * H), TEMPORARY, 3600),
    ("an hour through another role", assume(H, 24 * H, via_role_arn=VIA), {}, 3600),
    ("federation's longest", federate(36 * H, 48 * H), {}, 129_600),
    ("federation's floor in a grant's last minutes", federate(900 * S, 10 * S), {}, 900),
    ("SAML's longest", saml(12 * H, 24 * H), {}, 43_200),
    ("SAML is no chaining", saml(12 * H, 24 * H), TEMPORARY, 43_200),
    ("SAML in a grant's last minutes", saml(900 * S, 10 * S), {}, 900),
    ("a token's longest", web(12 * H, 24 * H), {}, 43_200),
    ("a token is no chaining", web(12 * H, 24 * H), TEMPORARY, 43_200),
    ("a token in a grant's last minutes", web(900 * S, 10 * S), {}, 900),
    ("a developer identity's longest", developer(12 * H, 24 * H), TEMPORARY, 43_200),
    ("a developer identity in a grant's last minutes", developer(900 * S, 10 * S), {}, 900),
    ("GetSessionToken's longest", user(36 * H, 48 * H), {}, 129_600),
    ("GetSessionToken's shortest", user(900 * S, 905 * S), {}, 900),
    ("GetSessionToken ends before the grant does", user(2000 * S, 2000 * S), {}, 1995),
    ("AssumeRoot's longest", root(900 * S, H), {}, 900),
    ("AssumeRoot ends before the grant does", root(900 * S, 890 * S), {}, 885),
    ("AssumeRoot's last second", root(5 * S, 6 * S), {}, 1),
]
REFUSED: list[tuple[str, Call, dict[str, Any], type[BrokerError], str]] = [
    ("shorter than any", assume(899 * S, H), {}, LimitExceeded, "900 to 43,200 s"),
    ("over the role's maximum", assume(3601 * S, 24 * H, max_session=H), {}, LimitExceeded, "900 to 3,600 s"),
    (
        "over an hour on temporary credentials",
        assume(3601 * S, 24 * H),
        TEMPORARY,
        LimitExceeded,
        "900 to 3,600 s when roles are chained",
    ),
    (
        "over an hour through another role",
        assume(3601 * S, 24 * H, via_role_arn=VIA),
        {},
        LimitExceeded,
        "900 to 3,600 s when roles are chained",
    ),
    ("past the grant", assume(3061 * S, 3000 * S), {}, LimitExceeded, "up to the grant's end"),
    ("after the grant", assume(900 * S, 0 * S), {}, NotPossible, "The grant ended at"),
    ("federation over its longest", federate(36 * H + S, 48 * H), {}, LimitExceeded, "900 to 129,600 s"),
    ("federation past the grant", federate(H, 900 * S), {}, LimitExceeded, "up to the grant's end"),
    ("federation on temporary credentials", federate(900 * S, H), TEMPORARY, NotPossible, "long-lived"),
    (
        "SAML over the role's maximum",
        saml(3601 * S, 24 * H, max_session=H),
        {},
        LimitExceeded,
        "900 to 3,600",
    ),
    ("SAML past the grant", saml(H, 900 * S), {}, LimitExceeded, "up to the grant's end"),
    ("SAML after the grant", saml(900 * S, -1 * S), {}, NotPossible, "The grant ended at"),
    (
        "a token over the role's maximum",
        web(3601 * S, 24 * H, max_session=H),
        {},
        LimitExceeded,
        "900 to 3,600",
    ),
    ("a token past the grant", web(H, 900 * S), {}, LimitExceeded, "up to the grant's end"),
    ("a token after the grant", web(900 * S, 0 * S), {}, NotPossible, "The grant ended at"),
    ("a developer past the grant", developer(H, 900 * S), {}, LimitExceeded, "up to the grant's end"),
    ("a developer too short", developer(899 * S, H), {}, LimitExceeded, "900 to 43,200 s"),
    ("GetSessionToken too short", user(899 * S, H), {}, LimitExceeded, "900 to 129,600 s"),
    ("GetSessionToken too long", user(36 * H + S, 48 * H), {}, LimitExceeded, "900 to 129,600 s"),
    ("GetSessionToken past the grant", user(H, 3000 * S), {}, LimitExceeded, "takes no policy"),
    ("GetSessionToken in the last minutes", user(900 * S, 904 * S), {}, NotPossible, "15 minutes at least"),
    ("GetSessionToken after the grant", user(900 * S, 0 * S), {}, NotPossible, "The grant ended at"),
    ("AssumeRoot too long", root(901 * S, H), {}, LimitExceeded, "1 to 900 s"),
    ("AssumeRoot past the grant", root(900 * S, 600 * S), {}, LimitExceeded, "takes no policy"),
    ("AssumeRoot in the last seconds", root(900 * S, 5 * S), {}, NotPossible, "a second at least"),
    ("AssumeRoot after the grant", root(900 * S, 0 * S), {}, NotPossible, "The grant ended at"),
    (
        "Cognito within the last hour",
        ("get_cognito_credentials", pool_call(ends_at=NOW + H)),
        {},
        NotPossible,
        "an hour",
    ),
    (
        "Cognito after the grant",
        ("get_cognito_credentials", pool_call(ends_at=NOW)),
        {},
        NotPossible,
        "ended at",
    ),
]


@pytest.mark.parametrize(("call", "hub", "seconds"), [row[1:] for row in SENT], ids=[row[0] for row in SENT])
def test_a_duration_within_every_rule_is_sent(call: Call, hub: dict[str, Any], seconds: int) -> None:
    sts = RecordingSts()
    issued = getattr(every_call(sts, RecordingPool(), **hub), call[0])(call[1])
    assert sts.calls[-1]["DurationSeconds"] == seconds
    assert issued.credentials.expires_at == NOW + seconds * S


@pytest.mark.parametrize(
    ("call", "hub", "kind", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_duration_against_a_rule_reaches_nobody(
    call: Call, hub: dict[str, Any], kind: type[BrokerError], why: str
) -> None:
    with pytest.raises(kind) as caught:
        getattr(every_call(NobodyMayCall(), NobodyMayCall(), **hub), call[0])(call[1])
    assert why in str(caught.value)


def test_cognito_gives_an_hour_where_an_hour_is_left() -> None:
    issued = every_call(RecordingSts(POOL_SESSION), RecordingPool()).get_cognito_credentials(
        pool_call(ends_at=NOW + H + 5 * S)
    )
    assert issued.credentials.expires_at == NOW + H


@pytest.mark.parametrize("make", [user, root])
def test_what_aws_made_longer_than_the_grant_is_thrown_away(
    make: Callable[[timedelta, timedelta], Call],
) -> None:
    late = {
        "Credentials": {
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "secret",
            "SessionToken": "token",
            "Expiration": NOW + 910 * S,
        }
    }
    name, call = make(900 * S, 909 * S)
    with pytest.raises(BrokerError, match="an Expiration after the grant's end"):
        getattr(every_call(RecordingSts(**late)), name)(call)
    name, call = make(900 * S, 910 * S)
    assert getattr(every_call(RecordingSts(**late)), name)(call).credentials.expires_at == NOW + 910 * S
