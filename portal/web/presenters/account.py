"""How I sign in: second factors, and the sign-ins that are open now."""

from dataclasses import dataclass

from portal.web.presenters.words import Moment

SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
# In this order: each names itself the others, too.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)


@dataclass(frozen=True, slots=True)
class FactorRow:
    id: str
    name: str
    kind: str
    added: Moment
    last_used: Moment | None


@dataclass(frozen=True, slots=True)
class SignInRow:
    """A browser that is signed in. `is_this`: the one that looks at the page."""

    id: str
    browser: str
    provider: str
    ip: str
    started: Moment
    expires: Moment
    is_this: bool


@dataclass(frozen=True, slots=True)
class Account:
    """The page. `asks`: how many of the person's open grants are of roles that ask for a second factor.

    `iam_users`: how many IAM users of their own they have.
    """

    factors: tuple[FactorRow, ...]
    sign_ins: tuple[SignInRow, ...]
    codes_left: int
    passkeys_work: bool
    asks: int
    iam_users: int

    @property
    def others(self) -> int:
        return sum(not row.is_this for row in self.sign_ins)


def browser_words(user_agent: str) -> str:
    """Return a browser's name and system in words, as far as it tells the truth."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "A browser"
