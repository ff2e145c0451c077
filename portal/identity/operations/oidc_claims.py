"""What an OpenID provider told, in the words that all ways in share."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from brokers.types import OidcIdentity, ProvenIdentity
from portal.directory.models import IdentityProvider

DEEPEST: Final = 3
# What a person types there, if it says; the first that is there.
LOGINS: Final = ("preferred_username", "upn", "email", "cognito:username")
# Claims that the provider has elsewhere (OpenID Connect Core 1.0, 5.6.2): Entra's, where somebody is in many groups.
ELSEWHERE: Final = "_claim_names"


def proven_by_oidc(provider: IdentityProvider, identity: OidcIdentity) -> ProvenIdentity:
    """Return what verified claims prove.

    How they signed in counts only where the provider says when: a second factor that was given at an unknown time is
    no fresh one.
    """
    attributes = dict(_flat(identity.claims))
    return ProvenIdentity(
        subject=identity.subject,
        login=next((attributes[name][0] for name in LOGINS if attributes.get(name)), ""),
        attributes=attributes,
        groups=_groups(provider.groups_attribute, identity.claims, attributes),
        authenticated_at=identity.authenticated_at,
        contexts=identity.contexts if "auth_time" in identity.claims else (),
        session_ref=identity.session_id,
    )


def _flat(
    claims: Mapping[str, Any], *, before: str = "", depth: int = 1
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield claims that are words or lists of words; those inside of others by their path, as realm_access.roles."""
    for name, value in claims.items():
        if isinstance(value, str):
            yield before + name, (value,)
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            yield before + name, tuple(value)
        elif isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, before=f"{before}{name}.", depth=depth + 1)


def _groups(
    name: str, claims: Mapping[str, Any], attributes: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...] | None:
    """Return the groups; none at all where the claim isn't there; None where it says nothing of them."""
    elsewhere = claims.get(ELSEWHERE)
    is_elsewhere = isinstance(elsewhere, dict) and name in elsewhere and name not in attributes
    return None if not name or is_elsewhere else attributes.get(name, ())
