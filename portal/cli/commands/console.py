import re
from typing import Final

import click

from portal.cli.app import App
from portal.cli.browsing import is_headless, open_in_browser
from portal.cli.commands.options import grant_argument, place
from portal.cli.errors import RefusedError, UnavailableError, WrongInputError
from portal.cli.grants import CONSOLES, Grant
from portal.cli.texts import plain

# Services whose consoles are not at NAME/home. Compared with the portal's own list by tests/unit/cli/test_console.py.
ELSEWHERE: Final = {
    "home": "console/home",
    "dynamodb": "dynamodbv2/home",
    "cloudfront": "cloudfront/v4/home",
    "cloudtrail": "cloudtrailv2/home",
    "cognito": "cognito/v2/home",
    "ecs": "ecs/v2/home",
    "eventbridge": "events/home",
    "opensearch": "aos/home",
    "organizations": "organizations/v2/home",
    "route53": "route53/v2/home",
    "sns": "sns/v3/home",
    "sqs": "sqs/v3/home",
    "ssm": "systems-manager/home",
    "stepfunctions": "states/home",
    "vpc": "vpcconsole/home",
}


@click.command()
@place
@grant_argument
@click.option(
    "--to", "place_there", metavar="URL|SERVICE", help="Where, such as s3 or an address in the console."
)
@click.option("--region", metavar="NAME", help="The region of SERVICE.")
@click.option("--no-browser", is_flag=True, help="Only print the link.")
@click.pass_obj
def command(app: App, *, grant: str, place_there: str | None, region: str | None, no_browser: bool) -> None:
    """Open the AWS console under a grant.

    The link is the portal's own: it works once, for ten minutes, in a browser where you are signed in.
    """
    api = app.api()
    found = app.find(grant, api)
    if not found.allows_console:
        raise RefusedError(f"{found.role} does not allow the console.", code="forbidden")
    link = plain(api.console_link(found, destination(found, place_there, region)), limit=4000)
    if not link.startswith(("https://", "http://")):
        raise UnavailableError(f"{app.address} did not answer as a Sallyport portal does.")
    if no_browser or is_headless() or not open_in_browser(link):
        click.echo(link)
    else:
        click.echo(f"Your browser opens {found.role} in {found.account}.")


def destination(grant: Grant, where: str | None, region: str | None) -> str:
    """Return the console's address of a service, or what was given as one; empty: its front page.

    The portal judges it anew. Raises WrongInputError for what can be neither.
    """
    if region and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", region):
        raise WrongInputError(f"{plain(region, limit=40)} is no region, such as eu-central-1.")
    if not where:
        return f"{CONSOLES[grant.partition]}/console/home?region={region}" if region else ""
    if where.startswith("https://"):
        return where
    if not re.fullmatch(r"[a-z0-9-]{1,40}", where):
        raise WrongInputError(f"{plain(where, limit=80)} is no service, such as s3, and no https address.")
    path = ELSEWHERE.get(where, f"{where}/home")
    return f"{CONSOLES[grant.partition]}/{path}" + (f"?region={region}" if region else "")
