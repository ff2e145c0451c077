"""The authenticator app of the estate's people, as a page: `/authenticator`. A simulation of somebody's telephone."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from portal.demo.sandbox.calls.mfa import STEP_S, code_at
from portal.demo.sandbox.markup import Node, document, el, page_response

Users = Sequence[Mapping[str, Any]]


class Authenticator:
    """`users`: as estate.json tells them, once it is there."""

    def __init__(self, users: Callable[[], Users]) -> None:
        self.users = users

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/authenticator", self.show)]

    async def show(self, _: web.Request) -> web.StreamResponse:
        response = page_response(page(self.users()))
        response.headers["Refresh"] = str(STEP_S - int(time.time()) % STEP_S)
        return response


def page(users: Users) -> str:
    return document(
        "Authenticator · AWS sandbox",
        el(
            "p",
            {"class": "banner"},
            el("strong", None, "Simulation"),
            " This page stands in for the authenticator app on somebody's telephone.",
        ),
        el(
            "main",
            {"class": "narrow"},
            el("h1", None, "Codes"),
            el("p", {"class": "lead"}, "Each counts once. The next one comes within 30 seconds."),
            el("ul", {"class": "card codes"}, [_code(user) for user in users]),
        ),
    )


def _code(user: Mapping[str, Any]) -> Node:
    code = code_at(str(user["mfa_seed"]), int(time.time()) // STEP_S)
    return el(
        "li",
        None,
        el("strong", {"class": "code"}, f"{code[:3]} {code[3:]}"),
        el("p", {"class": "under"}, f"{user['user_name']}, account {user['account_id']}"),
        el("code", {"class": "arn"}, str(user["mfa_serial"])),
    )
