"""Kinesis Video Streams signaling channels: what a WebRTC page needs before it can meet its other side.

CreateSignalingChannel, DescribeSignalingChannel, GetSignalingChannelEndpoint, DeleteSignalingChannel and
GetIceServerConfig, signed with SigV4 for `kinesisvideo` and judged by the caller's policies, as unmodified SDKs send
them (endpoint: the sandbox's own). GetSignalingChannelEndpoint answers with this machine: HTTPS is the sandbox's own
address, WSS is `ws://HOST:PORT/signaling` (`signaling.py`), plain because it is on loopback. ICE servers are named and
aren't there: on one machine nobody needs them. Media never comes here, as at AWS.

Channels are kept in `DIR/channels.json`; the estate's own is made at the start.
"""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from botocore.model import StructureShape

from portal.demo.sandbox import callers, constraints, estate_calls, json_calls
from portal.demo.sandbox.callers import REAL_KEY, Scope
from portal.demo.sandbox.estate import DATA
from portal.demo.sandbox.gate import Gate
from portal.demo.sandbox.judge import Judge
from portal.demo.sandbox.refusals import Refused

SERVICE = "kinesisvideo"
PATHS = {
    "/createSignalingChannel": "CreateSignalingChannel",
    "/deleteSignalingChannel": "DeleteSignalingChannel",
    "/describeSignalingChannel": "DescribeSignalingChannel",
    "/getSignalingChannelEndpoint": "GetSignalingChannelEndpoint",
    "/v1/get-ice-server-config": "GetIceServerConfig",
}
MODELS = {"GetIceServerConfig": "kinesis-video-signaling"}
ICE_LIVES_S = 300

Json = dict[str, Any]


@dataclass(frozen=True)
class Channel:
    arn: str
    name: str
    made_at: float

    def info(self) -> Json:
        return {
            "ChannelName": self.name,
            "ChannelARN": self.arn,
            "ChannelType": "SINGLE_MASTER",
            "ChannelStatus": "ACTIVE",
            "CreationTime": self.made_at,
            "SingleMasterConfiguration": {"MessageTtlSeconds": 60},
            "Version": "1",
        }


def not_found() -> Refused:
    return Refused("ResourceNotFoundException", "The requested channel is not found or not active.", 404)


class Channels:
    """The channels of all accounts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = json.loads(path.read_text()) if path.exists() else []
        self.by_arn = {row["arn"]: Channel(**row) for row in rows}
        if self.named(estate_calls.CHANNEL_REGION, DATA.account_id, estate_calls.CHANNEL) is None:
            self.make(estate_calls.CHANNEL_REGION, DATA.account_id, estate_calls.CHANNEL)

    def named(self, region: str, account: str, name: str) -> Channel | None:
        start = f"arn:aws:{SERVICE}:{region}:{account}:channel/{name}/"
        return next((channel for arn, channel in self.by_arn.items() if arn.startswith(start)), None)

    def make(self, region: str, account: str, name: str) -> Channel:
        now = time.time()
        arn = f"arn:aws:{SERVICE}:{region}:{account}:channel/{name}/{int(now * 1000)}"
        self.by_arn[arn] = Channel(arn, name, now)
        self.save()
        return self.by_arn[arn]

    def delete(self, arn: str) -> None:
        self.by_arn.pop(arn, None)
        self.save()

    def save(self) -> None:
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps([asdict(channel) for channel in self.by_arn.values()]))
        draft.replace(self.path)


@dataclass(frozen=True)
class Asked:
    """One call, before it is judged."""

    action: str
    scope: Scope
    account: str
    given: Json


class Video:
    """The API's routes. `base_url`: the façade's own address."""

    def __init__(self, directory: Path, base_url: str, gate: Gate, judge: Judge) -> None:
        self.base_url, self.gate, self.judge = base_url, gate, judge
        self.channels = Channels(directory / "channels.json")
        self.calls: dict[str, Callable[[Asked, Channel | None], Awaitable[Json]]] = {
            "CreateSignalingChannel": self._create,
            "DeleteSignalingChannel": self._delete,
            "DescribeSignalingChannel": self._describe,
            "GetSignalingChannelEndpoint": self._endpoints,
            "GetIceServerConfig": self._ice,
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.post(path, self.handle) for path in PATHS]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await self._answer(request))
        except Refused as refused:
            return json_calls.refusal(refused)

    async def _answer(self, request: web.Request) -> Json:
        action, body = PATHS[request.path], await request.read()
        scope = signed(request)
        account = await self.gate.facts.account_of(scope.access_key_id)
        if account is None:
            raise unknown_key()
        shape = constraints.model(MODELS.get(action, SERVICE)).operation_model(action).input_shape
        self.gate.counts.asked[action] += 1
        asked = Asked(action, scope, account, self._read(shape, body))
        channel, arn = self._found(asked)
        await self.judge.allows(request, scope, body, action=f"{SERVICE}:{action}", resource=arn)
        fault = self.gate.fault(action)
        if channel is None and action != "CreateSignalingChannel":
            raise not_found()
        answer = await self.calls[action](asked, channel)
        if fault is not None:
            raise fault.refusal()
        self.gate.counts.answered[action] += 1
        return answer

    def _read(self, shape: StructureShape | None, body: bytes) -> Json:
        try:
            return json_calls.read(shape, body)
        except Refused as refused:
            raise Refused("InvalidArgumentException", refused.message) from None

    def _found(self, asked: Asked) -> tuple[Channel | None, str]:
        """Return the channel, and the ARN that the call is judged by: also of one that isn't there."""
        named = str(asked.given.get("ChannelName", ""))
        if named:
            found = self.channels.named(asked.scope.region, asked.account, named)
            start = f"arn:aws:{SERVICE}:{asked.scope.region}:{asked.account}:channel/{named}/"
            return found, found.arn if found else f"{start}0"
        arn = str(asked.given.get("ChannelARN", ""))
        if not arn:
            raise Refused("InvalidArgumentException", "ChannelName or ChannelARN is required")
        found = self.channels.by_arn.get(arn)
        return (found if found and arn.split(":")[4] == asked.account else None), arn

    async def _create(self, asked: Asked, channel: Channel | None) -> Json:
        if channel is not None:
            raise Refused("ResourceInUseException", f"The channel {channel.name} exists already.")
        made = self.channels.make(asked.scope.region, asked.account, str(asked.given["ChannelName"]))
        return {"ChannelARN": made.arn}

    async def _delete(self, asked: Asked, channel: Channel | None) -> Json:
        del channel
        self.channels.delete(str(asked.given["ChannelARN"]))
        return {}

    async def _describe(self, asked: Asked, channel: Channel | None) -> Json:
        del asked
        return {"ChannelInfo": channel.info() if channel else None}

    async def _endpoints(self, asked: Asked, channel: Channel | None) -> Json:
        del channel
        wanted = asked.given.get("SingleMasterChannelEndpointConfiguration", {}).get(
            "Protocols", ["WSS", "HTTPS"]
        )
        known = {
            "WSS": self.base_url.replace("http", "ws", 1) + "/signaling",
            "HTTPS": self.base_url,
        }
        found = [{"Protocol": name, "ResourceEndpoint": known[name]} for name in wanted if name in known]
        return {"ResourceEndpointList": found}

    async def _ice(self, asked: Asked, channel: Channel | None) -> Json:
        del channel
        server = {
            "Uris": ["turn:127.0.0.1:3478?transport=udp"],
            "Username": f"{int(time.time()) + ICE_LIVES_S}:{asked.given.get('ClientId', 'master')}",
            "Password": "nobody-is-there",
            "Ttl": ICE_LIVES_S,
        }
        return {"IceServerList": [server]}


def unknown_key() -> Refused:
    return Refused(
        "UnrecognizedClientException", "The security token included in the request is invalid.", 403
    )


def signed(request: web.Request) -> Scope:
    """Return the signature's scope, which is for this service and by a key that is nobody's root."""
    scope = callers.scope(request.headers, request.query)
    if scope is None:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    if not REAL_KEY.fullmatch(scope.access_key_id):
        raise unknown_key()
    if scope.service != SERVICE:
        message = f"Credential should be scoped to correct service: '{SERVICE}'."
        raise Refused("InvalidSignatureException", message, 403)
    return scope
