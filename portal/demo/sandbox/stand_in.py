"""The child process: MiniStack, with four things amended that it lacks.

Run as `python -m portal.demo.sandbox.stand_in`; configured by MiniStack's own environment variables.

1. STS sessions are part of the persisted state (MiniStack 1.5.33 forgets them when it ends).
2. IAM, STS and S3 state is written soon after every change, not only at an orderly end, so that a killed
   process loses at most the last moment.
3. IAM calls on a role are authorised against the role's real ARN, path included, as AWS does; MiniStack
   builds one without the path, and a policy on `role/sallyport/*` would never match.
4. iam:CreatePolicy is authorised against the ARN that the policy will have, and attaching and detaching have the
   condition key iam:PolicyARN, as AWS does; MiniStack judges against `*` and knows no such key.
"""

import asyncio
import importlib
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

SAVE_AFTER_S = 0.1
PERSISTED = ("iam", "sts", "s3")

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


def give_roles_their_path(actions: Any, iam: Any) -> None:
    without_path = actions.extract_resource_arn

    def with_path(service: str, *args: Any, **kwargs: Any) -> str:
        arn = str(without_path(service, *args, **kwargs))
        if service != "iam" or ":role/" not in arn:
            return arn
        role = iam._roles.get_scoped(arn.split(":")[4], None, arn.rsplit("/", 1)[-1])  # noqa: SLF001
        return str(role["Arn"]) if role else arn

    actions.extract_resource_arn = with_path


def give_managed_policies_their_arn(actions: Any) -> None:
    without_new, without_key = actions.extract_resource_arn, actions.request_tag_context

    def with_new(service: str, *args: Any) -> str:
        *_, params, _region, account = args
        name = actions._query_param(params, "PolicyName")  # noqa: SLF001 - MiniStack's own way to read one
        if service == "iam" and actions._query_param(params, "Action") == "CreatePolicy":  # noqa: SLF001
            path = actions._query_param(params, "Path") or "/"  # noqa: SLF001
            return f"arn:aws:iam::{account}:policy{path}{name}"
        return str(without_new(service, *args))

    def with_key(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        context = dict(without_key(service, action, body, params))
        if service == "iam" and action.startswith(("iam:Attach", "iam:Detach")):
            context["iam:PolicyARN"] = actions._query_param(params, "PolicyArn")  # noqa: SLF001
        return context

    actions.extract_resource_arn, actions.request_tag_context = with_new, with_key


def judge_as_aws() -> None:
    """Amend how MiniStack authorises IAM calls, in this process."""
    actions = importlib.import_module("ministack.core.iam_actions")
    give_roles_their_path(actions, importlib.import_module("ministack.services.iam"))
    give_managed_policies_their_arn(actions)


def main() -> None:
    end_with_parent()
    app = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    modules: dict[str, Any] = {
        name: importlib.import_module(f"ministack.services.{name}") for name in PERSISTED
    }
    persist_sessions(modules["sts"])
    judge_as_aws()
    for name, module in modules.items():
        module.handle_request = SoonSaved(name, module, persistence)
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
