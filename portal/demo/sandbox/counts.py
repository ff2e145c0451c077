"""How often each action was asked for and answered, for tests: `GET /_sandbox/calls`.

`{"asked": {"AssumeRole": 3}, "answered": {"AssumeRole": 2}}`: asked is every call that named the action in a form that
can be read, throttled and refused ones too; answered are those with a good answer that left. Counted since the start.
"""

from collections import Counter

from aiohttp import web


class Counts:
    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    async def show(self, _: web.Request) -> web.Response:
        return web.json_response({"asked": self.asked, "answered": self.answered})
