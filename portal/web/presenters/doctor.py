"""What the doctor found, as its pages show it. Plain values for templates/doctor."""

from dataclasses import dataclass

from portal.web.presenters.labels import Badge
from portal.web.presenters.words import Moment

# A state is always a word and a shape.
VERDICTS = {
    "ok": Badge("Not this", "live", "check"),
    "stopped": Badge("Stopped it", "danger", "ban"),
    "maybe": Badge("May be this", "wait", "alert"),
    "unknown": Badge("Not known", "quiet", "dot"),
}
TITLES = {
    "role_arn": "Which role",
    "partner": "The partner",
    "contract": "The contract",
    "window": "The grant's window",
    "role": "The role in AWS",
    "client": "Their own set-up",
    "account": "The account that called",
    "principal": "Who called",
    "external_id": "ExternalId",
    "session": "Tags and source identity",
    "duration": "Length of the session",
    "drift": "Changed by hand",
    "their_policy": "The partner's own policies",
    "scope": "The scope",
    "denies": "What every role denies",
    "boundary": "The permissions boundary",
    "organisation": "Policies of others",
    "hold": "The portal itself",
    "switched_on": "Person and role",
    "kind": "Console or credentials",
    "sign_in": "The sign-in",
    "factor": "The second factor",
    "call": "The call to AWS, and its length",
    "aws": "AWS",
    "other": "The refusal itself",
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One thing that was looked at. `href`, `act`: what mends it; `paste`: text to copy, with the id it has here."""

    name: str
    title: str
    badge: Badge
    detail: str
    advice: str
    paste: str
    href: str = ""
    act: str = ""
    is_cause: bool = False

    @property
    def paste_id(self) -> str:
        return f"paste-{self.name}"


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """`headline`: the one sentence on top. `causes`: what stopped it, or may have; `rest`: all else.

    `about`: which grant, with `about_href` where its reader may open it.
    """

    headline: str
    is_found: bool
    is_certain: bool
    causes: tuple[StepRow, ...]
    rest: tuple[StepRow, ...]
    at: Moment
    about: str = ""
    about_href: str = ""


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """One refusal of a person's own, in a list of them."""

    when: Moment
    role: str
    why: str
    href: str
