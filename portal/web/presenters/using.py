"""The texts of the page 'Use it': commands and files to paste, none of which holds a secret."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from portal.web.presenters.pasting import Snippet


@dataclass(frozen=True, slots=True)
class Use:
    """How one grant is used. `name`: what `sallyport` calls it. `sends`: what is posted for a call with a proof.

    `is_own_key`: the proof is the MFA code of the person's own IAM user. `brings_here`: a page takes it, too.
    `go_link`: to share; it gives nothing.
    """

    name: str
    install: Snippet
    run: Snippet
    profile: Snippet
    go_link: str
    sends: Snippet | None = None
    is_own_key: bool = False
    brings_here: bool = False


def install_text(portal: str) -> Snippet:
    text = f"pip install 'sallyport[cli]'\nsallyport login --portal {shlex.quote(portal)}\n"
    return Snippet(
        "install", "Once on each machine", "It signs you in by a browser, this one's or any other's.", text
    )


# What `sallyport` is told for a call that takes something along, by the role's method.
PROOFS: Mapping[str, str] = {
    "saml": "--assertion-file FILE",
    "web_identity": "--id-token-file FILE",
    "cognito": "--id-token-file FILE",
    "session_token": "--mfa",
}


def run_text(name: str, *, method: str = "") -> Snippet:
    where = "Programs that it starts get the credentials, and have them renewed."
    if method in PROOFS:
        where = "It asks for the code." if method == "session_token" else "FILE has what is handed over."
    words = " ".join(filter(None, (shlex.quote(name), PROOFS.get(method, ""))))
    return Snippet("run", "Run a command", where, f"sallyport exec {words} -- aws sts get-caller-identity\n")


def profile_text(name: str, *, profile: str, region: str = "", endpoint_url: str = "") -> Snippet:
    """Return a section for ~/.aws/config. `sallyport configure` writes one for each grant by itself."""
    lines = {
        "credential_process": f"sallyport credentials {shlex.quote(name)} --format process",
        "region": region,
        "endpoint_url": endpoint_url,
    }
    section = "".join(f"{key} = {value}\n" for key, value in lines.items() if value)
    where = (
        f"Add it to ~/.aws/config, then use --profile {profile}. sallyport configure does it for all grants."
    )
    return Snippet("config", "As a profile", where, f"[profile {profile}]\n{section}")


EXCHANGES: Mapping[str, tuple[str, str, str]] = {
    "saml": ("saml", "assertion", "the base64 SAMLResponse that your identity provider makes for AWS"),
    "web_identity": ("web-identity", "token", "your ID token"),
    "cognito": ("cognito", "token", "your ID token"),
}


def exchange_text(portal: str, method: str, role_arn: str) -> Snippet:
    """Return how an application hands over its person's own proof, which says who they are."""
    door, field, words = EXCHANGES[method]
    body = f'{{"role": "{role_arn}", "{field}": "\'"$PROOF"\'"}}'
    text = (
        f"curl -sS {portal}/api/v1/exchange/{door} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'\n"
    )
    return Snippet(
        "exchange", "From your application", f"PROOF is {words}. No token of the portal's is needed.", text
    )


def mfa_text(portal: str, grant_id: str) -> Snippet:
    text = (
        f"curl -sS {portal}/api/v1/grants/{grant_id}/credentials \\\n"
        "  -H \"Authorization: Bearer $SALLYPORT_TOKEN\" -H 'Content-Type: application/json' \\\n"
        '  -d \'{"mfa_code": "123456"}\'\n'
    )
    return Snippet(
        "mfa", "With your MFA code", "The code of your IAM user's device goes along with each call.", text
    )
