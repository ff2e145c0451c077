"""Has MiniStack judge requests of services that it doesn't have: signature first, then all policies of the caller."""

import base64
import json
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from portal.demo.sandbox.callers import Scope
from portal.demo.sandbox.refusals import Refused

ROOT_SCOPE = "20260101/us-east-1/sts/aws4_request"
FORBIDDEN = 403


@dataclass(frozen=True)
class Judge:
    """`upstream`: MiniStack's own address, where a 12-digit key is root."""

    upstream: str
    account_id: str
    client: aiohttp.ClientSession

    async def allows(
        self, request: web.Request, scope: Scope, body: bytes, *, action: str, resource: str
    ) -> None:
        """Return when the request is signed by somebody who may do `action` on `resource`.

        Raises:
            Refused: with AWS's code, 403.
        """
        asked = {
            "method": request.method,
            "path": request.raw_path.partition("?")[0],
            "query": request.raw_path.partition("?")[2],
            "headers": list(request.headers.items()),
            "body": base64.b64encode(body).decode(),
            "access_key_id": scope.access_key_id,
            "region": scope.region,
            "action": action,
            "resource": resource,
        }
        signed = (
            f"AWS4-HMAC-SHA256 Credential={self.account_id}/{ROOT_SCOPE}, SignedHeaders=host, Signature=none"
        )
        form = {"Action": "SandboxJudge", "Version": "2011-06-15", "Request": json.dumps(asked)}
        async with self.client.post(self.upstream, data=form, headers={"Authorization": signed}) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's own figure
                raise Refused("InternalFailure", "MiniStack does not answer", 500)
            found = json.loads(await answer.read())
        if found["code"]:
            raise Refused(found["code"], found["message"], FORBIDDEN)
