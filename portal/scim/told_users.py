"""From what a client wrote of a user to what is to be kept of it, and back into the library's model."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from scim2_models import Context

from portal.directory.models import ScimUser
from portal.identity.operations.provisioning import ToldUser
from portal.kernel.errors import InvalidError
from portal.scim.bound import patches
from portal.scim.quirks import cleaned_patch, cleaned_resource
from portal.scim.resources import POLICY, WholeUser

MOST_KEPT = 64 * 1024
# What has a column, and what is worked out.
ELSEWHERE = frozenset({"schemas", "id", "meta", "groups", "userName", "externalId", "active", "password"})
ACTIVE = "active"


def made_user(body: Mapping[str, Any]) -> ToldUser:
    """Return the user that a POST tells (RFC 7644, 3.3). Raises what `error_answer` knows."""
    model = WholeUser.model_validate(
        cleaned_resource(body), scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
    )
    return _told(model)


def replaced_user(body: Mapping[str, Any]) -> Callable[[ScimUser], ToldUser]:
    """Return what makes the user the one that a PUT tells (RFC 7644, 3.5.1); one that doesn't say stays active or not.

    Raises what `error_answer` knows.
    """
    model = WholeUser.model_validate(
        cleaned_resource(body), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY
    )
    told = _told(model)
    return lambda _: told


def patched_user(body: Mapping[str, Any]) -> Callable[[ScimUser], ToldUser]:
    """Return what applies a PATCH to a user (RFC 7644, 3.5.2). Both raise what `error_answer` knows."""
    cleaned = cleaned_patch(body, WholeUser)
    if not cleaned["Operations"]:
        # All of it was of schemas that are none here.
        return _told_again
    patch = patches(WholeUser).model_validate(
        cleaned, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )

    def change(user: ScimUser) -> ToldUser:
        model = as_model(user)
        patch.patch(model, scim_policy=POLICY)
        return _told(model, unset=model.active is None)

    return change


def as_model(user: ScimUser, **worked_out: Any) -> WholeUser:
    """Return a user's row in the library's form, with what is worked out besides."""
    return WholeUser.model_validate({**kept(user), **worked_out}, scim_policy=POLICY)


def kept(user: ScimUser) -> dict[str, Any]:
    """Return what was told of a user. `active` is left out once a PATCH removed it, and stays as it was."""
    told: dict[str, Any] = {"userName": user.user_name, ACTIVE: user.is_active, **user.resource}
    if user.external_id:
        told["externalId"] = user.external_id
    return {name: value for name, value in told.items() if value is not None}


def _told_again(user: ScimUser) -> ToldUser:
    return _told(as_model(user), unset=ACTIVE in user.resource)


def _told(model: WholeUser, *, unset: bool = False) -> ToldUser:
    dumped = model.model_dump(scim_ctx=Context.DEFAULT, scim_policy=POLICY)
    resource = {name: value for name, value in dumped.items() if name not in ELSEWHERE}
    if len(json.dumps(resource)) > MOST_KEPT:
        raise InvalidError(f"A user has at most {MOST_KEPT} characters in all.")
    if unset:
        resource[ACTIVE] = None
    return ToldUser(
        user_name=model.user_name or "",
        external_id=model.external_id or "",
        is_active=model.active,
        name=_name(resource),
        email=_email(resource),
        resource=resource,
    )


def _name(resource: Mapping[str, Any]) -> str:
    """Return what people are called here."""
    name = resource.get("name", {})
    parts = (name.get("givenName"), name.get("familyName"))
    told = resource.get("displayName") or name.get("formatted") or " ".join(part for part in parts if part)
    return str(told)


def _email(resource: Mapping[str, Any]) -> str:
    """Return the address for messages: the primary one, else the first; empty where it is none."""
    emails = resource.get("emails", [])
    primary = [email for email in emails if email.get("primary")]
    address = next((str(email["value"]) for email in [*primary, *emails] if email.get("value")), "")
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address
