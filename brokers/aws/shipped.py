"""The files of `docs/aws/`: the policies that people read, and the templates that they run. All made, none by hand.

`python -m brokers.aws.shipped docs/aws` writes them anew; a test holds that they are current.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from brokers.aws import hub_policies as says
from brokers.aws.account_files import cloudformation, command_line, terraform
from brokers.aws.hub_files import hub_cloudformation, hub_terraform
from brokers.aws.policy_text import as_json

# Invented: the hub's account, and an account with roles.
HUB_ACCOUNT: Final = "111122223333"
ACCOUNT: Final = "222233334444"
HUB: Final = f"arn:aws:iam::{HUB_ACCOUNT}:user/{says.HUB_USER_NAME}"


def shipped_files() -> Mapping[str, str]:
    """Return the files by name. Policies and the shell script have invented account numbers; templates have none."""
    return {
        "account.template.json": cloudformation(None),
        "account.tf": terraform(None),
        "account.sh": command_line(HUB, "aws", ACCOUNT),
        "hub.template.json": hub_cloudformation(),
        "hub.tf": hub_terraform(),
        "policies/hub.json": as_json(says.hub_policy("aws", HUB_ACCOUNT, [ACCOUNT])),
        "policies/revoker.json": as_json(says.revoker_policy("aws", ACCOUNT)),
        "policies/provisioner.json": as_json(says.provisioner_policy("aws", ACCOUNT)),
        "policies/partner-boundary.json": as_json(says.boundary_policy()),
        "policies/trust-of-revoker-and-provisioner.json": as_json(says.hub_trust(HUB)),
        "policies/trust-of-granted-roles.json": as_json(says.granted_role_trust(HUB)),
    }


def write(directory: Path) -> None:
    """Write the files, and make what directories they need."""
    for name, text in shipped_files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
