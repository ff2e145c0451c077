"""sts:AssumeRoleWithSAML, which MiniStack lacks."""

import time

from portal.demo.sandbox.calls.answers import sts_answer
from portal.demo.sandbox.calls.assertion import Assertion, invalid, read_metadata, verify
from portal.demo.sandbox.calls.inside import Answer, Inside, Parameters
from portal.demo.sandbox.calls.sessions import DEFAULT_SECONDS, Order, Vouched, make, must_trust, session_of
from portal.demo.sandbox.calls.web_identity import account_of
from portal.demo.sandbox.refusals import Refused

ACTION = "AssumeRoleWithSAML"


async def assume(inside: Inside, parameters: Parameters) -> Answer:
    arn, provider_arn = (inside.given(parameters, name) for name in ("RoleArn", "PrincipalArn"))
    account = account_of(arn)
    provider = inside.saml_provider(account, provider_arn)
    if provider is None:
        raise invalid("Specified provider doesn't exist")
    said = verify(inside.given(parameters, "SAMLAssertion"), read_metadata(provider["SAMLMetadataDocument"]))
    if (arn, provider_arn) not in said.roles:
        raise Refused("AccessDenied", f"Not authorized to perform sts:{ACTION}", 403)
    who = Vouched(provider_arn, _keys(said, account, provider["Name"]), said.tags)
    role = must_trust(inside, arn, ACTION, who)
    policies, wrong = inside.sts._session_policies(parameters, account)  # noqa: SLF001
    if wrong:
        return wrong  # type: ignore[no-any-return] # MiniStack's own answer
    session_arn, user_id = session_of(role, said.session_name)
    made = make(
        inside,
        Order(
            session_arn,
            user_id,
            account,
            _seconds(inside, parameters, said),
            policies=policies if any(policies.values()) else None,
            tags=said.tags,
            keys={**who.keys, "aws:FederatedProvider": provider_arn},
        ),
    )
    more = {
        "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": session_arn},
        "PackedPolicySize": 0,
        "Subject": said.subject,
        "SubjectType": said.subject_type,
        "Issuer": said.issuer,
        "Audience": said.recipient,
        "NameQualifier": said.name_qualifier(account, provider["Name"]),
        "SourceIdentity": said.source_identity or None,
    }
    return sts_answer(inside, ACTION, made, more)


def _keys(said: Assertion, account: str, provider: str) -> dict[str, str]:
    keys = {
        "SAML:aud": said.recipient,
        "SAML:iss": said.issuer,
        "SAML:sub": said.subject,
        "SAML:sub_type": said.subject_type,
        "SAML:namequalifier": said.name_qualifier(account, provider),
        "SAML:doc": f"{account}/{provider}",
        "sts:RoleSessionName": said.session_name,
    }
    if said.source_identity:
        keys |= {"sts:SourceIdentity": said.source_identity, "aws:SourceIdentity": said.source_identity}
    return keys


def _seconds(inside: Inside, parameters: Parameters, said: Assertion) -> float:
    """Return what was asked for, or what is left until SessionNotOnOrAfter, whichever is shorter."""
    seconds = float(inside.given(parameters, "DurationSeconds") or DEFAULT_SECONDS)
    if said.session_ends_at is None:
        return seconds
    left = said.session_ends_at - time.time()
    if left <= 0:
        raise Refused("ExpiredTokenException", "The SAML session is over")
    return min(seconds, left)
