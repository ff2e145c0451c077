"""The child process: MiniStack, with what it lacks amended.

Run as `python -m portal.demo.sandbox.stand_in`; configured by MiniStack's own environment variables.

1. STS sessions are part of the persisted state (MiniStack 1.5.33 forgets them when it ends).
2. IAM, STS and S3 state is written soon after every change, not only at an orderly end, so that a killed
   process loses at most the last moment.
3. IAM calls are judged as AWS documents it: `judging.py`.
4. Trust policies keep whom they name as AWS does: `trusts.py`.
5. Calls to credentials that MiniStack lacks, or takes without looking: `calls/`.
"""

import asyncio
import importlib
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from portal.demo.sandbox.calls.amend import amend_calls
from portal.demo.sandbox.judging import judge_as_aws
from portal.demo.sandbox.trusts import trust_as_aws

SAVE_AFTER_S = 0.1
PERSISTED = ("iam", "sts", "s3", "cognito")

Handler = Callable[..., Awaitable[Any]]


def end_with_parent() -> None:
    """End when standard input closes: the parent holds its other end, and dies without a word when killed."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def persist_sessions(sts: Any) -> None:
    def restore(data: dict[str, Any]) -> None:
        sts._sessions.update(data.get("sessions", {}))  # noqa: SLF001 - there is no public way

    sts.get_state = lambda: {"sessions": dict(sts._sessions)}  # noqa: SLF001
    sts.load_persisted_state = restore


class SoonSaved:
    """Wraps a service's handler so that its state is on disk `SAVE_AFTER_S` after a request."""

    def __init__(self, service: str, module: Any, persistence: Any) -> None:
        self.service, self.module, self.persistence = service, module, persistence
        self.handle: Handler = module.handle_request
        self.due = False

    async def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        answer = await self.handle(method, *args, **kwargs)
        # GET and HEAD of S3 change nothing; IAM and STS calls are POSTs, whatever they do.
        if not self.due and method not in {"GET", "HEAD"}:
            self.due = True
            asyncio.get_running_loop().call_later(SAVE_AFTER_S, self.save)
        return answer

    def save(self) -> None:
        self.due = False
        self.persistence.save_state(self.service, self.module.get_state())


def main() -> None:
    end_with_parent()
    app = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    modules: dict[str, Any] = {
        name: importlib.import_module(f"ministack.services.{name}") for name in PERSISTED
    }
    persist_sessions(modules["sts"])
    trust_as_aws(judge_as_aws())
    amend_calls()
    for name, module in modules.items():
        module.handle_request = SoonSaved(name, module, persistence)
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
