"""Programs that fetch a grant's credentials by themselves: their tokens, and what to paste for a new one."""

from dataclasses import dataclass

from portal.web.presenters.labels import Badge
from portal.web.presenters.pasting import Snippet
from portal.web.presenters.words import Moment

URL, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
FILE = "$HOME/.aws/sallyport-token"


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """One token of a program, of which only `prefix` can be shown. `api_token`: by which it was made, if by any."""

    id: str
    name: str
    prefix: str
    badge: Badge
    expires: Moment
    last_used: Moment | None = None
    api_token: str = ""


@dataclass(frozen=True, slots=True)
class Programs:
    """A grant's tokens. `makes`: whether the reader may make another here; `revokes`: take them away."""

    grant_id: str
    rows: tuple[ProgramRow, ...]
    makes: bool
    revokes: bool


def token_snippets(plain: str, *, url: str, region: str = "", endpoint_url: str = "") -> tuple[Snippet, ...]:
    """Return what to paste so that SDKs and the AWS CLI find a new token, in the order of the tabs."""
    place = {"AWS_REGION": region, "AWS_ENDPOINT_URL": endpoint_url}
    more = {name: value for name, value in place.items() if value}
    shells = "Paste it where the program is started: SDKs and the AWS CLI do the rest."
    return (
        Snippet("bash", "bash, zsh", shells, _bash({URL: url, TOKEN: plain, **more})),
        Snippet(
            "file",
            "File",
            "Keeps the token in a file of yours alone; it is read again at each refresh.",
            f"mkdir -p ~/.aws\n(umask 077; printf '%s' '{plain}' > \"{FILE}\")\n"
            f'export {TOKEN}_FILE="{FILE}"\n{_bash({URL: url, **more})}',
        ),
        Snippet("powershell", "PowerShell", shells, _powershell({URL: url, TOKEN: plain, **more})),
        Snippet(
            "env",
            ".env",
            "For docker --env-file, systemd's EnvironmentFile, and the like.",
            "".join(f"{name}={value}\n" for name, value in {URL: url, TOKEN: plain, **more}.items()),
        ),
    )


def _bash(given: dict[str, str]) -> str:
    return "".join(f"export {name}='{value}'\n" for name, value in given.items())


def _powershell(given: dict[str, str]) -> str:
    return "".join(f"$Env:{name} = '{value}'\n" for name, value in given.items())
