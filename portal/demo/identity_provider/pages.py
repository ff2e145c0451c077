"""The identity provider's pages. They say that nobody's password is asked because this is a simulation."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from portal.demo.identity_provider.people import COMPANIES, PEOPLE, Person
from portal.demo.identity_provider.request import AuthnRequest
from portal.demo.sandbox.markup import Child, Node, document, el


def frame(title: str, *content: Child, scripts: tuple[str, ...] = ()) -> str:
    return document(
        f"{title} · Demo identity provider",
        el(
            "p",
            {"class": "banner"},
            el("strong", None, "Simulation"),
            " This page stands in for a company's identity provider. No password is asked.",
        ),
        el("header", {"class": "top"}, el("span", {"class": "brand"}, "Demo identity provider")),
        el("main", {"class": "narrow"}, *content),
        scripts=scripts,
    )


def hidden(**fields: str) -> list[Node]:
    return [el("input", {"type": "hidden", "name": name, "value": value}) for name, value in fields.items()]


def choose(saml_request: str, relay_state: str, request: AuthnRequest) -> str:
    """Write the page 'Sign in as', one button for each person."""
    site = urlsplit(request.provider.acs_url).netloc
    return _choose("/sso/sign-in", site, {"SAMLRequest": saml_request, "RelayState": relay_state})


def choose_for_app(asked: Mapping[str, str], *, site: str) -> str:
    """Write the same page for a browser app that signs people in by OpenID Connect."""
    return _choose("/authorize", site, asked)


def _choose(action: str, site: str, fields: Mapping[str, str]) -> str:
    groups = [
        el(
            "section",
            {"aria-labelledby": f"company-{number}"},
            el("h2", {"id": f"company-{number}"}, company),
            el(
                "ul",
                {"class": "people card"},
                [el("li", None, button(p)) for p in PEOPLE if p.company == company],
            ),
        )
        for number, company in enumerate(COMPANIES)
    ]
    return frame(
        "Sign in as",
        el("h1", None, "Sign in as"),
        el("p", {"class": "lead"}, "You go on to ", el("strong", None, site), "."),
        el("form", {"method": "post", "action": action}, hidden(**fields), groups),
    )


def button(person: Person) -> Node:
    return el(
        "button",
        {"class": "person", "name": "person", "value": person.key},
        el("span", {"class": "initials", "aria-hidden": "true"}, person.initials),
        el(
            "span",
            None,
            el("span", {"class": "name"}, person.display_name),
            el("span", {"class": "under"}, person.role),
            el("span", {"class": "under"}, person.email),
        ),
        el("span", {"class": "go", "aria-hidden": "true"}, "Sign in"),
    )


def go_on(person: Person, acs_url: str, response: str, relay_state: str) -> str:
    """Write the form that carries the response to the service provider; a script sends it, or the button does."""
    fields = {"SAMLResponse": response} | ({"RelayState": relay_state} if relay_state else {})
    return frame(
        "Signing in",
        el("h1", None, f"Signing in as {person.display_name}"),
        el("p", {"class": "lead"}, "You go on to ", el("strong", None, urlsplit(acs_url).netloc), "."),
        el(
            "form",
            {"method": "post", "action": acs_url, "id": "go-on"},
            hidden(**fields),
            el("button", {"class": "button"}, "Continue"),
        ),
        scripts=("/static/go-on.js",),
    )


def start(providers: list[str]) -> str:
    """Write the page for somebody who came here without being sent."""
    items = [el("li", None, el("code", {"class": "arn"}, each)) for each in providers]
    return frame(
        "Demo identity provider",
        el("h1", None, "Demo identity provider"),
        el("p", None, "It signs people in to these service providers. Begin there."),
        el("ul", None, items),
        el("p", None, el("a", {"href": "/metadata"}, "Metadata")),
    )


def refused(reason: str) -> str:
    return frame(
        "Can't sign in",
        el("h1", None, "This sign-in can't go on"),
        el("p", None, reason),
        el("p", {"class": "note"}, "Go back to where you came from and begin again."),
    )
