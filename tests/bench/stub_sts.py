"""An STS that answers AssumeRole at once, whatever is asked: python -m tests.bench.stub_sts PORT."""

import asyncio
import sys
import time
from urllib.parse import parse_qs

ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>\
<Arn>{arn}</Arn><AssumedRoleId>AROABENCHBENCHBENCH12:{name}</AssumedRoleId></AssumedRoleUser><Credentials>\
<AccessKeyId>ASIABENCHBENCHBENCH1</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
<SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials></AssumeRoleResult><ResponseMetadata>\
<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></AssumeRoleResponse>"""
SECRET, TOKEN = "s" * 40, "T" * 800


def answer(body: bytes) -> bytes:
    asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    name, role = asked.get("RoleSessionName", ""), asked.get("RoleArn", "")
    account, role_name = role.split(":")[4], role.rsplit("/", 1)[-1]
    end = time.time() + int(asked.get("DurationSeconds", "3600"))
    told = ANSWER.format(
        arn=f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
        name=name,
        secret=SECRET,
        token=TOKEN,
        end=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)),
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(told)}\r\n\r\n"
    return head.encode() + told


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode("latin-1").lower().split("\r\n")
            size = next(
                (int(line.partition(":")[2]) for line in lines if line.startswith("content-length")), 0
            )
            writer.write(answer(await reader.readexactly(size)))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
