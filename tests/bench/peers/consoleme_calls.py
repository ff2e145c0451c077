"""Run by a Python that has ConsoleMe: for each number on stdin call its `get_credentials` so often.

Answers a line of JSON: seconds that each took, and CPU seconds of all. It is called without its web server, which would
only add to it. What it logs to stdout is not ours: answers begin with `answer `.
"""

import asyncio
import json
import sys
import time

from consoleme.default_plugins.plugins.aws.aws import Aws  # type: ignore[import-not-found]  # in a Python of its own

ROLE = "arn:aws:iam::222222222222:role/Reader"


async def main() -> None:
    aws = Aws()
    for line in sys.stdin:
        took = []
        used = time.process_time()
        for _ in range(int(line)):
            began = time.perf_counter()
            got = await aws.get_credentials("bench@example.com", ROLE, enforce_ip_restrictions=False)
            took.append(time.perf_counter() - began)
            assert got["Credentials"]["SessionToken"]
        answer = {"each": took, "cpu": time.process_time() - used}
        sys.stdout.write(f"answer {json.dumps(answer)}\n")
        sys.stdout.flush()


asyncio.run(main())
