"""What this SCIM service is made of: its models, as announced at /Schemas and held to (RFC 7643).

Three of them are more lenient than the library's, where real clients send what a strict reading refuses.
"""

from typing import Annotated, Any, ClassVar

import scim2_models as scim
from django.conf import settings
from pydantic import Field
from scim2_models import URN, CaseExact, Mutability, Reference, Required, ScimPolicy

MOST_RESULTS = 200
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
# What deviates from the specification and is taken all the same: attributes that nobody declared are left out, and
# two habits of Entra ID, each of which the specification would answer by an error.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Email(scim.Email):
    """An e-mail address as it was told: directories know such as ben@corp.local."""

    value: str | None = None


class Manager(scim.ComplexAttribute):
    """The user's manager: Entra ID sends the value alone (RFC 7643, 8.7.1 requires neither)."""

    value: Annotated[str | None, CaseExact.true] = None
    ref: Reference["User"] | None = Field(  # type: ignore[type-arg]  # the library announces this very name
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display_name: Annotated[str | None, Mutability.read_only] = None


class EnterpriseUser(scim.EnterpriseUser):
    """What a company adds to a user (RFC 7643, 4.3)."""

    manager: Manager | None = None  # type: ignore[assignment]  # wider on purpose


class User(scim.User[scim.AnyExtension]):
    """Somebody whom this provider tells of (RFC 7643, 4.1)."""

    emails: list[Email] | None = None  # type: ignore[assignment]  # wider on purpose
    Emails: ClassVar[type[scim.ComplexAttribute]] = Email


class GroupMember(scim.ComplexAttribute):
    """A member is a user: groups of groups aren't taken."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(  # type: ignore[type-arg]  # as above
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(scim.Resource[Any]):
    """A group of users; what its members may have hangs on its name here (RFC 7643, 4.2)."""

    __schema__ = URN(GROUP_SCHEMA)

    display_name: Annotated[str | None, Required.true, scim.Uniqueness.server] = None
    members: list[GroupMember] | None = None
    Members: ClassVar[type[scim.ComplexAttribute]] = GroupMember


WholeUser = User[EnterpriseUser]
RESOURCE_TYPES = [scim.ResourceType.from_resource(WholeUser), scim.ResourceType.from_resource(Group)]
SERVICE = scim.ScimProvider(
    models=[User, EnterpriseUser, Group], resource_types=RESOURCE_TYPES, policy=POLICY
)


def base_url(slug: str) -> str:
    """Return the address of a provider's SCIM service: from the settings, never from what a request says."""
    return f"{settings.PORTAL_URL}/scim/v2/{slug}"


def service_config() -> scim.ServiceProviderConfig:
    return scim.ServiceProviderConfig(
        documentation_uri=Reference[scim.External]("https://www.rfc-editor.org/rfc/rfc7644"),
        patch=scim.Patch(supported=True),
        bulk=scim.Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=scim.Filter(supported=True, max_results=MOST_RESULTS),
        change_password=scim.ChangePassword(supported=False),
        sort=scim.Sort(supported=True),
        etag=scim.ETag(supported=True),
        authentication_schemes=[
            scim.AuthenticationScheme(
                type=scim.AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A SCIM token that an admin makes on the identity provider's page.",
                spec_uri=Reference[scim.External]("https://www.rfc-editor.org/rfc/rfc6750"),
                primary=True,
            )
        ],
    )
