"""What a partner needs to come in from its own AWS account: as texts that can be pasted, and files to download.

Nothing in them is a secret but the ExternalId, and nothing that somebody typed is in a line that runs: only what is
made here, and names that `check_plain` knows.
"""

import json
import re
from dataclasses import dataclass, field

from portal.web.presenters.first_calls import FirstCall
from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.providers import CopyField
from portal.web.presenters.words import Countdown, Moment

PLAIN = re.compile(r"[A-Za-z0-9_./:+=,@-]*")
SOURCE_PROFILE = "default"
SESSION = "sallyport"


@dataclass(frozen=True, slots=True)
class Way:
    """The facts of one way in. `principal`: whom the role lets in; `seconds`: how long a session is at most.

    `endpoint_url`: of a stand-in for AWS; empty for AWS itself.
    """

    profile: str
    role_arn: str
    external_id: str
    principal: str
    region: str
    seconds: int
    first: FirstCall | None = None
    endpoint_url: str = ""

    def __post_init__(self) -> None:
        for value in (self.profile, self.role_arn, self.external_id, self.region, self.endpoint_url):
            check_plain(value)


@dataclass(frozen=True, slots=True)
class HandOverText:
    """One text, ready to paste. `name`: of its file; `where`: what to do with it."""

    key: str
    label: str
    name: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """An answer of AWS, and what it means."""

    answer: str
    means: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An ExternalId that is accepted: the current one, or an older one `until` a moment."""

    field: CopyField
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """The page of one grant to a partner's account. Once it is over there are no texts.

    `waits`: why it doesn't work yet, if it doesn't.
    """

    grant_id: str
    partner: str
    scope: str
    reason: str
    theirs: AccountLabel
    ours: AccountLabel
    badge: Badge
    countdown: Countdown
    begin: Moment
    end: Moment
    is_over: bool
    role_arn: str
    principal: str
    waits: str = ""
    external_ids: tuple[Accepted, ...] = ()
    texts: tuple[HandOverText, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    file_name: str = ""
    readme: str = field(default="", repr=False)


def check_plain(value: str) -> None:
    """Raise ValueError for what could end a line, or be read as more than one word, where it is pasted."""
    if not PLAIN.fullmatch(value):
        raise ValueError(f"{value!r} can't stand in a text to paste")


def texts(way: Way) -> tuple[HandOverText, ...]:
    """Return all texts, in the order of the tabs."""
    return (
        HandOverText(
            "profile",
            "AWS CLI",
            "aws-config.txt",
            f"Add it to ~/.aws/config. {SOURCE_PROFILE} is the profile with your own credentials: put yours there.",
            cli_profile(way),
        ),
        HandOverText(
            "terraform",
            "Terraform",
            "sallyport.tf",
            "Beside your own provider; resources and data sources name it as provider = aws.sallyport.",
            terraform(way),
        ),
        HandOverText(
            "boto3",
            "boto3",
            "sallyport_session.py",
            "Gets new credentials by itself before they end.",
            boto3(way),
        ),
        HandOverText(
            "policy",
            "Your side",
            "policy-on-your-side.json",
            "The role lets you in; your own account has to allow the call, too. Attach this to whoever makes it.",
            own_side_policy(way),
        ),
        HandOverText("test", "Test", "test.sh", "Paste it once the profile is there.", test_commands(way)),
    )


def cli_profile(way: Way) -> str:
    given = {
        "role_arn": way.role_arn,
        "external_id": way.external_id,
        "source_profile": SOURCE_PROFILE,
        "role_session_name": SESSION,
        "duration_seconds": str(way.seconds),
        "region": way.region,
        "endpoint_url": way.endpoint_url,
    }
    lines = (f"{name} = {value}\n" for name, value in given.items() if value)
    return f"[profile {way.profile}]\n" + "".join(lines)


def terraform(way: Way) -> str:
    stand_in = (
        f"  # A stand-in for AWS: set AWS_ENDPOINT_URL={way.endpoint_url}\n" if way.endpoint_url else ""
    )
    return (
        'provider "aws" {\n'
        '  alias  = "sallyport"\n'
        f'  region = "{way.region}"\n'
        f"{stand_in}"
        "\n"
        "  assume_role {\n"
        f'    role_arn     = "{way.role_arn}"\n'
        f'    external_id  = "{way.external_id}"\n'
        f'    session_name = "{SESSION}"\n'
        f'    duration     = "{way.seconds}s"\n'
        "  }\n"
        "}\n"
        "\n"
        "# Who you are there: terraform plan shows it.\n"
        'data "aws_caller_identity" "sallyport" {\n'
        "  provider = aws.sallyport\n"
        "}\n"
        "\n"
        'output "sallyport_arn" {\n'
        "  value = data.aws_caller_identity.sallyport.arn\n"
        "}\n"
    )


def boto3(way: Way) -> str:
    stand_in = ""
    if way.endpoint_url:
        stand_in = f'os.environ.setdefault("AWS_ENDPOINT_URL", "{way.endpoint_url}")  # a stand-in for AWS\n'
    return (
        f"{'import os' + chr(10) * 2 if stand_in else ''}"
        "import boto3\n"
        "from botocore.credentials import (\n"
        "    AssumeRoleCredentialFetcher,\n"
        "    CredentialProvider,\n"
        "    DeferredRefreshableCredentials,\n"
        ")\n"
        "from botocore.session import get_session\n"
        "\n"
        f'ROLE_ARN = "{way.role_arn}"\n'
        f'EXTERNAL_ID = "{way.external_id}"\n'
        f'REGION = "{way.region}"\n'
        f"{stand_in}"
        "\n"
        "\n"
        "class AssumedRole(CredentialProvider):\n"
        '    """Your own credentials, from wherever boto3 finds them, taken to the role."""\n'
        "\n"
        '    METHOD = "assume-role-sallyport"\n'
        "\n"
        "    def load(self):\n"
        "        own = get_session()\n"
        '        own.set_config_variable("region", REGION)\n'
        "        fetcher = AssumeRoleCredentialFetcher(\n"
        "            client_creator=own.create_client,\n"
        "            source_credentials=own.get_credentials(),\n"
        "            role_arn=ROLE_ARN,\n"
        "            extra_args={\n"
        '                "ExternalId": EXTERNAL_ID,\n'
        f'                "RoleSessionName": "{SESSION}",\n'
        f'                "DurationSeconds": {way.seconds},\n'
        "            },\n"
        "        )\n"
        "        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)\n"
        "\n"
        "\n"
        "def sallyport_session():\n"
        '    """Return a boto3 session that asks for new credentials by itself before they end."""\n'
        "    session = get_session()\n"
        '    session.set_config_variable("region", REGION)\n'
        '    session.get_component("credential_provider").providers.insert(0, AssumedRole())\n'
        "    return boto3.Session(botocore_session=session)\n"
        "\n"
        "\n"
        'if __name__ == "__main__":\n'
        '    print(sallyport_session().client("sts").get_caller_identity()["Arn"])\n'
    )


def own_side_policy(way: Way) -> str:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": way.role_arn}],
    }
    return json.dumps(policy, indent=2) + "\n"


def test_commands(way: Way) -> str:
    first = f"{way.first.command} --profile {way.profile}\n" if way.first else ""
    return f"aws sts get-caller-identity --profile {way.profile}\n{first}"
