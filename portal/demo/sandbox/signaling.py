"""The signaling WebSocket of Kinesis Video Streams: `ws://HOST:PORT/signaling` with a presigned query.

Source: Kinesis Video Streams Developer Guide, "Signaling API" and its asynchronous messages. A master connects with
`X-Amz-ChannelARN`, a viewer with `X-Amz-ClientId` too; both sign `GET /signaling` for `kinesisvideo` with SigV4 in the
query (signed header: host; payload: the empty string), for 299 seconds as a rule. kinesisvideo:ConnectAsMaster or
ConnectAsViewer on the channel is judged then, and never again: a connection outlives its credentials, an hour at most.

Sent:     `{"action": "SDP_OFFER", "messagePayload": BASE64, "recipientClientId": …, "correlationId": …}`
Received: `{"messageType": "SDP_OFFER", "messagePayload": BASE64, "senderClientId": …}`

A viewer's messages go to the master, a master's to the viewer that it names. What can't be delivered is answered with
a STATUS_RESPONSE where it had a correlationId. Actions: SDP_OFFER, SDP_ANSWER, ICE_CANDIDATE.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from portal.demo.sandbox import json_calls
from portal.demo.sandbox.judge import Judge
from portal.demo.sandbox.refusals import Refused
from portal.demo.sandbox.video import SERVICE, Channels, not_found, signed, unknown_key

ACTIONS = ("SDP_OFFER", "SDP_ANSWER", "ICE_CANDIDATE")
CLIENT_ID = re.compile(r"(?!AWS_)[a-zA-Z0-9_.-]{1,256}", re.ASCII)
MESSAGE_MAX = 16 * 1024
VIEWERS = 10
LONGEST_S = 3600
REPLACED = 4001


@dataclass
class Room:
    """Who is connected to one channel."""

    master: web.WebSocketResponse | None = None
    viewers: dict[str, web.WebSocketResponse] = field(default_factory=dict)


class Signaling:
    def __init__(self, channels: Channels, judge: Judge) -> None:
        self.channels, self.judge = channels, judge
        self.rooms: dict[str, Room] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/signaling", self.connect)]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Let in who may, and relay what they say."""
        try:
            arn, viewer = await self._admit(request)
        except Refused as refused:
            return json_calls.refusal(refused)
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_MAX, heartbeat=30)
        await socket.prepare(request)
        room = self.rooms.setdefault(arn, Room())
        await self._sit(room, viewer, socket)
        try:
            async with asyncio.timeout(LONGEST_S):
                async for message in socket:
                    if message.type is WSMsgType.TEXT and message.data:
                        await self._relay(room, viewer, socket, message.data)
        except TimeoutError:
            await socket.send_json({"messageType": "GO_AWAY", "messagePayload": "", "senderClientId": ""})
        finally:
            _leave(room, viewer, socket)
            await socket.close()
        return socket

    async def _admit(self, request: web.Request) -> tuple[str, str]:
        scope = signed(request)
        arn, viewer = (request.query.get(f"X-Amz-{name}", "") for name in ("ChannelARN", "ClientId"))
        if not arn or (viewer and not CLIENT_ID.fullmatch(viewer)):
            raise Refused(
                "InvalidArgumentException", "X-Amz-ChannelARN is missing, or X-Amz-ClientId is not a name"
            )
        if "X-Amz-Signature" not in request.query:
            raise unknown_key()
        action = f"{SERVICE}:ConnectAs{'Viewer' if viewer else 'Master'}"
        await self.judge.allows(request, scope, b"", action=action, resource=arn)
        if arn not in self.channels.by_arn:
            raise not_found()
        room = self.rooms.get(arn)
        if viewer and room and viewer not in room.viewers and len(room.viewers) >= VIEWERS:
            raise Refused("ClientLimitExceededException", "Too many viewers", 400)
        return arn, viewer

    async def _sit(self, room: Room, viewer: str, socket: web.WebSocketResponse) -> None:
        """Take the place, from whoever had it: a name is one connection, and a channel has one master."""
        if viewer:
            before, room.viewers[viewer] = room.viewers.get(viewer), socket
        else:
            before, room.master = room.master, socket
        if before is not None:
            await before.close(code=REPLACED)

    async def _relay(self, room: Room, viewer: str, socket: web.WebSocketResponse, text: str) -> None:
        said = _read(text)
        action, told = said.get("action"), str(said.get("correlationId", ""))
        if action not in ACTIONS or not isinstance(said.get("messagePayload"), str):
            await _status(socket, told, "InvalidArgumentException", "The message is malformed")
            return
        to = room.master if viewer else room.viewers.get(str(said.get("recipientClientId", "")))
        if to is None or to.closed:
            await _status(socket, told, "ResourceNotFoundException", "Nobody is there to receive it")
            return
        passed = {"messageType": action, "messagePayload": said["messagePayload"]}
        await to.send_json(passed | ({"senderClientId": viewer} if viewer else {}))


def _leave(room: Room, viewer: str, socket: web.WebSocketResponse) -> None:
    if viewer and room.viewers.get(viewer) is socket:
        del room.viewers[viewer]
    elif room.master is socket:
        room.master = None


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _status(socket: web.WebSocketResponse, correlation_id: str, kind: str, why: str) -> None:
    if not correlation_id:
        return
    status = {"correlationId": correlation_id, "errorType": kind, "statusCode": "400", "description": why}
    await socket.send_json({"messageType": "STATUS_RESPONSE", "statusResponse": status})
