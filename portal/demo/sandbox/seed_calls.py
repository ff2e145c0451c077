"""Makes what is missing of `estate_calls.py`, and says what estate.json has to say of it."""

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from botocore.exceptions import ClientError

from portal.demo.sandbox import estate, estate_calls
from portal.demo.sandbox.bootstrap import REGION, Bootstrap
from portal.demo.sandbox.calls.mfa import STEP_S, code_at

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

Json = dict[str, Any]
PROVIDER_ANSWERS_WITHIN_S = 15.0


def missing(call: Callable[[], Any], *codes: str) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return True
        raise
    return False


def providers(root: Bootstrap, identity_provider: str | None) -> Json:
    """Register the demo's identity provider in IAM. Without one, nothing can be signed for these providers."""
    issuer = identity_provider or estate_calls.ISSUER
    iam = root.iam(estate.DATA.account_id)
    arn = estate_calls.oidc_provider_arn(issuer)
    if missing(lambda: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn), "NoSuchEntity"):
        iam.create_open_id_connect_provider(Url=issuer, ClientIDList=list(estate_calls.CLIENTS))
    if identity_provider is not None:
        _saml_provider(iam, _read(f"{identity_provider}/metadata"))
    return {
        "issuer": issuer,
        "client_ids": list(estate_calls.CLIENTS),
        "oidc_provider_arn": arn,
        "saml_provider_arn": estate_calls.SAML_PROVIDER_ARN,
    }


def _saml_provider(iam: "IAMClient", metadata: str) -> None:
    arn = estate_calls.SAML_PROVIDER_ARN
    if missing(lambda: iam.get_saml_provider(SAMLProviderArn=arn), "NoSuchEntity"):
        iam.create_saml_provider(Name=estate_calls.SAML_PROVIDER, SAMLMetadataDocument=metadata)
    else:
        iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=metadata)


def _read(url: str) -> str:
    """Wait for the identity provider: both are started at once."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PROVIDER_ANSWERS_WITHIN_S
    while True:
        try:
            with opener.open(url, timeout=5) as answer:
                return str(answer.read().decode())
        except (URLError, ConnectionError, TimeoutError) as error:
            if time.monotonic() > end:
                raise RuntimeError(f"The identity provider does not answer at {url}") from error
            time.sleep(0.05)


def pools(root: Bootstrap, issuer: str) -> dict[str, str]:
    """Return the identity pools' ids by name."""
    return {
        pool.name: _pool(root.cognito_identity(pool.account_id), pool, issuer) for pool in estate_calls.POOLS
    }


def _pool(cognito: Any, pool: estate_calls.Pool, issuer: str) -> str:
    settings: Json = {
        "AllowUnauthenticatedIdentities": False,
        "AllowClassicFlow": bool(pool.developer_provider),
    }
    if pool.logs_in:
        settings["OpenIdConnectProviderARNs"] = [estate_calls.oidc_provider_arn(issuer)]
    if pool.developer_provider:
        settings["DeveloperProviderName"] = pool.developer_provider
    found = cognito.list_identity_pools(MaxResults=60)["IdentityPools"]
    known = next((each["IdentityPoolId"] for each in found if each["IdentityPoolName"] == pool.name), None)
    if known is None:
        made = cognito.create_identity_pool(IdentityPoolName=pool.name, **settings)
        return str(made["IdentityPoolId"])
    cognito.update_identity_pool(IdentityPoolId=known, IdentityPoolName=pool.name, **settings)
    return str(known)


def pool_roles(root: Bootstrap, pool_ids: Mapping[str, str], role_arns: Mapping[str, str]) -> list[Json]:
    """Give each pool its role, now that it is there."""
    told = []
    for pool in estate_calls.POOLS:
        pool_id, arn = pool_ids[pool.name], role_arns[pool.role]
        if pool.logs_in:  # the enhanced flow gives this role; the other pool's token is for the basic flow
            cognito = root.cognito_identity(pool.account_id)
            cognito.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"authenticated": arn})
        told.append(
            {
                "account_id": pool.account_id,
                "name": pool.name,
                "identity_pool_id": pool_id,
                "region": REGION,
                "role_arn": arn,
                "client_id": pool.client or None,
                "developer_provider": pool.developer_provider or None,
            }
        )
    return told


def mfa_user(
    iam: "IAMClient", user: estate_calls.MfaUser, key: Callable[[], Json], seeds: Mapping[str, str]
) -> Json:
    """Make the user, the virtual device and, where somebody lost it, a new key. The seed is what an app would keep.

    `seeds`: by serial number, as estate.json held them.
    """
    if missing(lambda: iam.get_user(UserName=user.name), "NoSuchEntity"):
        iam.create_user(UserName=user.name, Path=estate.PATH)
    rights = json.dumps(estate_calls.mfa_rights())
    iam.put_user_policy(UserName=user.name, PolicyName="Rights", PolicyDocument=rights)
    return {
        "account_id": user.account_id,
        "user_name": user.name,
        "user_arn": user.arn,
        "user_id": iam.get_user(UserName=user.name)["User"]["UserId"],
        "person": user.person,
        **key(),
        **_device(iam, user, seeds),
    }


def _device(iam: "IAMClient", user: estate_calls.MfaUser, seeds: Mapping[str, str]) -> Json:
    found = [each["SerialNumber"] for each in iam.list_mfa_devices(UserName=user.name)["MFADevices"]]
    kept = next((serial for serial in found if serial in seeds), None)
    if kept is not None:
        return {"mfa_serial": kept, "mfa_seed": seeds[kept]}
    for serial in found:
        iam.deactivate_mfa_device(UserName=user.name, SerialNumber=serial)
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=user.name)["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
    step = int(time.time()) // STEP_S
    first, second = (code_at(seed, each) for each in (step - 3, step - 2))
    iam.enable_mfa_device(
        UserName=user.name, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second
    )
    return {"mfa_serial": serial, "mfa_seed": seed}


def sealed_bucket(root: Bootstrap) -> None:
    """Seal it again at each start: opening it is what AssumeRoot is shown with."""
    s3 = root.s3(estate_calls.SEALED.account_id)
    policy = json.dumps(estate_calls.sealing())
    s3.put_bucket_policy(Bucket=estate_calls.SEALED.name, Policy=policy)


def members() -> list[Json]:
    management = estate_calls.MANAGEMENT.account_id
    return [
        {"account_id": each.account_id, "name": each.name, "management_account_id": management}
        for each in estate_calls.MEMBERS
    ]
