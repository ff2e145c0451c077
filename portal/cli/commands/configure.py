import difflib
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from portal.cli.app import LIVING, App
from portal.cli.aws_files import backup_path, config_path, profile, real_path, with_block
from portal.cli.commands.options import place
from portal.cli.files import read_text, write_private
from portal.cli.grants import Grant, names


@click.command()
@place
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--remove", is_flag=True, help="Take this portal's profiles out again.")
@click.option("--prefix", default="", metavar="TEXT", help="What the profiles' names begin with.")
@click.option("--region", default="", metavar="NAME", help="The region of each profile.")
@click.pass_obj
def command(app: App, *, dry_run: bool, remove: bool, prefix: str, region: str) -> None:
    """Write a profile for each grant into ~/.aws/config (or AWS_CONFIG_FILE).

    Each fetches its credentials by `sallyport credentials`. They stand between two marks, and all else in the file is
    left as it is. Before a change the file is copied beside itself.
    """
    portal = str(app.address)
    made = {} if remove else _profiles(app, prefix, region)
    path = real_path(config_path(os.environ))
    before = read_text(path) or ""
    after = with_block(before, portal, made)
    if after == before:
        click.echo(f"{path} is as it should be: nothing to change.")
        return
    if dry_run:
        click.echo(_difference(before, after, path), nl=False)
        return
    _replace(path, before, after)
    click.echo(f"{path}: {_told(list(made))}")


def _profiles(app: App, prefix: str, region: str) -> dict[str, str]:
    living = [grant for grant in app.api().grants(*LIVING) if grant.allows_credentials]
    made = {}
    for name, grant in sorted(names(living).items()):
        of_it = f"{prefix}{name.replace('/', '-')}"
        made[of_it] = profile(of_it, _values(str(app.address), name, grant, region))
    return made


def _values(portal: str, name: str, grant: Grant, region: str) -> Mapping[str, str]:
    words = [*_own_command(), "--portal", portal, "credentials", name, "--format", "process"]
    line = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    values = {
        "credential_process": line,
        "region": region or grant.region,
        "endpoint_url": grant.endpoint_url,
    }
    return {key: value for key, value in values.items() if value}


def _own_command() -> list[str]:
    """Return how this program is called from anywhere: AWS's programs may have another PATH."""
    beside = Path(sys.executable).with_name("sallyport.exe" if os.name == "nt" else "sallyport")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("sallyport")
    return [str(Path(found).absolute())] if found else [sys.executable, "-m", "portal.cli"]


def _replace(path: Path, before: str, after: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    if before:
        write_private(backup_path(path), before, mode=mode)
    write_private(path, after, mode=mode)


def _difference(before: str, after: str, path: Path) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), f"{path} (new)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _told(made: list[str]) -> str:
    return f"profiles {', '.join(made)}." if made else "no profiles of this portal any more."
