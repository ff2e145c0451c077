"""The sample's pages: what stands there before its script begins."""

from collections.abc import Mapping

from portal.demo.sandbox.markup import Child, Node, document, el

TITLES = {"camera": "Camera", "viewer": "Viewer"}
OTHERS = {"camera": "viewer", "viewer": "camera"}


def frame(title: str, *content: Child, script: str = "", data: Mapping[str, str] | None = None) -> str:
    told = {f"data-{name}": value for name, value in (data or {}).items()}
    return document(
        f"{title} · Harbour camera",
        el(
            "p",
            {"class": "banner"},
            el("strong", None, "Sample"),
            " A browser app with no AWS key of its own: it gets short-lived ones from Sallyport.",
        ),
        el("header", {"class": "top"}, el("a", {"class": "brand", "href": "/"}, "Harbour camera")),
        el("main", told, *content),
        head=[
            el("link", {"rel": "stylesheet", "href": "/static/camera.css"}),
            el("script", {"type": "module", "src": script}) if script else None,
        ],
    )


def start(portal: str) -> str:
    cards = [
        ("/camera", "Camera", "Draws a harbour gate and sends it to whoever watches."),
        ("/viewer", "Viewer", "Watches what the camera sends. Open it in a second window."),
    ]
    return frame(
        "Start",
        el("h1", None, "Harbour camera"),
        el(
            "p",
            {"class": "lead"},
            "Two pages find each other over a Kinesis Video signaling channel, then talk browser to browser.",
        ),
        el(
            "ul",
            {"class": "people card"},
            [
                el(
                    "li",
                    None,
                    el(
                        "a",
                        {"class": "person plain", "href": href},
                        el(
                            "span",
                            None,
                            el("span", {"class": "name"}, name),
                            el("span", {"class": "under"}, what),
                        ),
                        el("span", {"class": "go", "aria-hidden": "true"}, "Open"),
                    ),
                )
                for href, name, what in cards
            ],
        ),
        el(
            "p",
            {"class": "note"},
            "Sign in there as Ben Lindqvist or Chidi Rao: both have a grant to the camera. End one in the ",
            el("a", {"href": portal}, "portal"),
            ", and see that page's next renewal refused.",
        ),
    )


def part(name: str, told: Mapping[str, str]) -> str:
    """Write the camera's or a viewer's page. `told` goes to the script as data: no secret is among it."""
    title = TITLES[name]
    return frame(
        title,
        el("h1", None, title),
        _refused(told["portal"]),
        el(
            "div",
            {"class": "stage"},
            el("section", {"class": "card picture", "aria-label": "Picture"}, _picture(name), _acts(name)),
            el("section", {"class": "card side", "aria-labelledby": "keys"}, _credentials(told["role"])),
        ),
        el(
            "section",
            {"aria-labelledby": "what", "data-happened": "", "hidden": ""},
            el("h2", {"id": "what"}, "What happened"),
            el("ol", {"class": "card log", "data-log": "", "aria-live": "polite"}),
        ),
        el(
            "p",
            {"class": "note"},
            "The other half: ",
            el(
                "a",
                {"href": f"/{OTHERS[name]}", "target": "_blank", "rel": "noopener"},
                f"the {OTHERS[name]}",
            ),
            ", in a window of its own.",
        ),
        script="/static/camera.js",
        data={**told, "part": name},
    )


def _refused(portal: str) -> Node:
    return el(
        "div",
        {"class": "summary cut", "role": "alert", "data-refused": "", "hidden": ""},
        el(
            "div",
            None,
            el("strong", {"data-refused-title": ""}, ""),
            el("p", {"data-refused-why": ""}, ""),
            el(
                "a",
                {"href": portal, "target": "_blank", "rel": "noopener"},
                "Look at my access in the portal",
            ),
        ),
    )


def _picture(name: str) -> list[Child]:
    if name == "camera":
        return [el("canvas", {"width": "640", "height": "360", "data-canvas": "", "role": "img",
                              "aria-label": "A drawn harbour gate with a boat passing"})]  # fmt: skip
    return [
        el(
            "video",
            {
                "data-video": "",
                "autoplay": "",
                "muted": "",
                "playsinline": "",
                "aria-label": "What the camera sends",
            },
        )
    ]


def _acts(name: str) -> Node:
    wave = el("button", {"class": "button quiet", "type": "button", "data-wave": "", "hidden": ""}, "Wave")
    return el(
        "div",
        {"class": "acts"},
        el(
            "p",
            {"class": "state"},
            el("strong", {"data-state": "", "role": "status"}, "Not connected"),
            el("span", {"class": "under", "data-said": ""}, ""),
        ),
        el(
            "div",
            {"class": "buttons"},
            wave if name == "viewer" else None,
            el("button", {"class": "button", "type": "button", "data-start": "", "hidden": ""}, "Connect"),
            el("button", {"class": "button quiet", "type": "button", "data-stop": "", "hidden": ""}, "Stop"),
        ),
    )


def _credentials(role: str) -> list[Child]:
    return [
        el("h2", {"id": "keys"}, "Credentials"),
        el("p", {"data-person": ""}, "Nobody is signed in."),
        el(
            "div",
            {"class": "buttons"},
            el("button", {"class": "button", "type": "button", "data-sign-in": ""}, "Sign in"),
            el(
                "button",
                {"class": "button quiet", "type": "button", "data-sign-out": "", "hidden": ""},
                "Sign out",
            ),
        ),
        el(
            "dl",
            {"class": "keys", "data-credentials": "", "hidden": ""},
            [
                el("div", None, el("dt", None, label), el("dd", {f"data-{name}": ""}, ""))
                for name, label in (
                    ("key", "Access key id"),
                    ("until", "Work until"),
                    ("renewals", "Renewed, times"),
                )
            ],
        ),
        el("p", {"class": "note"}, "Role ", el("code", {"class": "arn"}, role)),
    ]


def signed_in() -> str:
    return frame(
        "Signed in",
        el("h1", None, "Signed in"),
        el("p", None, "This window can be closed; go on in the other one."),
        script="/static/signed-in.js",
    )
