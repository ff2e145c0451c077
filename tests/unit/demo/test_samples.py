"""The sample's pages hold no key and let its scripts speak to nobody but those that it needs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from lxml import etree

from portal.demo.samples import app
from portal.demo.samples.app import Camera, application

CAMERA = Camera(
    portal="http://localhost:8000",
    issuer="http://127.0.0.1:8010",
    client="harbor-cameras",
    aws="http://127.0.0.1:8020",
    region="eu-central-1",
    role="arn:aws:iam::333344445555:role/sallyport/HarborCamera",
    kind="web-identity",
    channel="harbor-pier-3",
)


def fetched(path: str) -> Any:
    async def run() -> Any:
        served: web.Application = application(CAMERA)
        async with TestClient(TestServer(served)) as client:
            answer = await client.get(path)
            return answer.status, dict(answer.headers), await answer.text()

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/", "/camera", "/viewer", "/signed-in"])
def test_each_page_is_under_a_strict_policy(path: str) -> None:
    status, headers, text = fetched(path)
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    places = policy.partition("connect-src ")[2].partition(";")[0].split()
    assert places == [
        "'self'",
        CAMERA.portal,
        CAMERA.issuer,
        CAMERA.aws,
        "ws://127.0.0.1:8020",
    ]
    page = etree.fromstring(text, etree.HTMLParser())
    assert [node.text for node in page.iter("script") if node.text] == []
    assert not page.xpath("//@style | //@onclick")


def test_the_module_is_the_portals_own() -> None:
    _, headers, text = fetched("/static/sallyport-credentials.js")
    assert text == app.MODULE.read_text()
    assert "javascript" in headers["Content-Type"]


def test_no_script_keeps_anything_or_takes_text_for_markup() -> None:
    folder = Path(app.HERE) / "static"
    for file in folder.glob("*.js"):
        code = "\n".join(line.partition("//")[0] for line in file.read_text().splitlines())
        for word in ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "innerHTML", "eval("):
            assert word not in code, file.name


def test_another_page_is_not_there() -> None:
    assert fetched("/admin")[0] == 404
    assert fetched("/static/../app.py")[0] == 404
