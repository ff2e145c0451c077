"""The invented people who can sign in. Data only; the portal's demo data reads it too."""

from dataclasses import dataclass

PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
MEADOW = "Meadow & Harbor"
NORTHLIGHT = "Northlight Analytics"


@dataclass(frozen=True)
class Person:
    """`name_id` is opaque and never changes; `role` is only for the page on which one picks."""

    key: str
    name_id: str
    email: str
    display_name: str
    company: str
    role: str
    groups: tuple[str, ...]

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.display_name.split()[:2])


PEOPLE = (
    Person(
        "ada",
        "mh-4f1c9a7e-2b60-4d0e-9c55-0a6d1b7e8f01",
        "ada.okafor@meadow-harbor.example",
        "Ada Okafor",
        MEADOW,
        "Administers access",
        ("staff", "access-admins"),
    ),
    Person(
        "ben",
        "mh-8d2e6b13-7f4a-4c1b-8e90-5c3f2a9d4b02",
        "ben.lindqvist@meadow-harbor.example",
        "Ben Lindqvist",
        MEADOW,
        "Runs production",
        ("staff", "operators"),
    ),
    Person(
        "chidi",
        "mh-c07a53de-91b8-4e2f-a6d4-7e1b8c0f5a03",
        "chidi.rao@meadow-harbor.example",
        "Chidi Rao",
        MEADOW,
        "Analyses harbour data",
        ("staff", "analysts"),
    ),
    Person(
        "dora",
        "mh-1be8f942-5c3d-4a70-b3f1-9d6e4c2a7b04",
        "dora.weiss@meadow-harbor.example",
        "Dora Weiss",
        MEADOW,
        "Works in finance",
        ("staff",),
    ),
    Person(
        "noor",
        "nl-7a94c1e6-3d2f-4b85-9e07-2f8b6d1c0a05",
        "noor.haddad@northlight.example",
        "Noor Haddad",
        NORTHLIGHT,
        "Leads the joint project",
        ("partners", "northlight"),
    ),
    Person(
        "piet",
        "nl-e53b0d78-6a1c-4f94-8b2e-4c9a7e5d3f06",
        "piet.janssen@northlight.example",
        "Piet Janssen",
        NORTHLIGHT,
        "Data engineer",
        ("partners", "northlight"),
    ),
)
BY_KEY = {person.key: person for person in PEOPLE}
COMPANIES = (MEADOW, NORTHLIGHT)
