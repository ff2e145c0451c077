import pytest

from portal.web import redirects
from portal.web.redirects import own_path, see_other

ELSEWHERE = [
    "//evil.example.test", "///evil.example.test", "/\\evil.example.test", "\\/evil.example.test",
    "https://evil.example.test", "http:///evil.example.test", "javascript:alert(1)", "/\t/evil.example.test",
    "/x\r\nSet-Cookie: a=b", "tokens/", "", "/" + "x" * 500,
]  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_elsewhere_becomes_my_access(wanted: str) -> None:
    assert own_path(wanted) == "/"


@pytest.mark.parametrize(
    "wanted", ["/", "/tokens/", "/grants/1?from=mail#top", "/console/abc_-", "/" + "x" * 499]
)
def test_own_paths_stay(wanted: str) -> None:
    assert own_path(wanted) == wanted


def test_without_its_check_it_would_lead_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "url_has_allowed_host_and_scheme", lambda *_, **__: True)
    assert own_path("//evil.example.test") == "//evil.example.test"


def test_a_long_address_is_still_sent() -> None:
    """A console sign-in URL has thousands of characters; Django's own redirect would refuse it one day."""
    url = "https://signin.aws.amazon.com/federation?SigninToken=" + "x" * 20_000
    assert see_other(url).headers["Location"] == url
    assert see_other(url).status_code == 303
