"""Pages: text stays text, and the people are fit to be signed about."""

from typing import Any

from lxml import etree

from portal.demo.identity_provider.people import PEOPLE
from portal.demo.sandbox.console import own_login, page_of
from portal.demo.sandbox.markup import document, el, html
from portal.demo.sandbox.refusals import Refused, body


def test_text_is_never_markup() -> None:
    page = document("<b>&", el("p", {"title": '"><script>'}, "<script>", el("b", None, "x"), " & ", None))
    assert "<script" not in page
    parsed: Any = etree.fromstring(page, etree.HTMLParser())
    assert parsed.findtext(".//title") == "<b>&"
    assert "".join(parsed.find(".//p").itertext()) == "<script>x & "
    assert not parsed.findall(".//script")


def test_children_may_be_nested() -> None:
    assert html(el("p", None, ["a", [el("i"), "b"]], None, "c")) == "<p>a<i></i>bc</p>"


def test_destinations_are_mapped() -> None:
    assert page_of("https://s3.console.aws.amazon.com/s3/buckets/one?region=x") == "/console/s3/buckets/one"
    assert page_of("https://console.aws.amazon.com/s3/buckets/a%2Fb/") == "/console/s3/buckets/a%252Fb"
    assert page_of("https://console.aws.amazon.com/ec2/home") == "/console/home"
    assert page_of("https://console.aws.amazon.com") == "/console/home"


def test_a_logout_leads_on_to_the_own_login_alone() -> None:
    host = "127.0.0.1:4566"
    assert own_login("/federation?Action=login", host)
    assert own_login(f"http://{host}/federation?Action=login", host)
    for other in (
        "//evil.example/federation",
        "https://evil.example/federation",
        "/console/home",
        "/\\evil",
        "http://[",
        "",
    ):
        assert not own_login(other, host)


def test_refusals_hold_any_text() -> None:
    for service in ("sts", "iam", "s3", "other"):
        text, request_id = body(service, Refused("Code", "bad \x00 <&> \ufffe", 400))
        root = etree.fromstring(text)
        assert request_id in "".join(str(part) for part in root.itertext())
        assert "bad ? <&> ?" in "".join(str(part) for part in root.itertext())


def test_people_can_be_told_apart() -> None:
    for values in ([p.key for p in PEOPLE], [p.name_id for p in PEOPLE], [p.email for p in PEOPLE]):
        assert len(set(values)) == len(PEOPLE)
    assert all(p.name_id.isascii() and " " not in p.name_id and "@" not in p.name_id for p in PEOPLE)
