"""Bring the demo's database, static files and story up to date. Ends by itself; safe to repeat."""

import argparse
import gc
import json
import urllib.request
from pathlib import Path

import django
from django.core.management import call_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idp", required=True, help="the identity provider's address")
    parser.add_argument("--estate", type=Path, required=True, help="the sandbox's estate.json")
    given = parser.parse_args()
    # Migrations make models by the thousand, all of which refer to each other: looking for garbage among them takes a
    # fifth of the time, and this process soon ends.
    gc.disable()
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    from portal.demo.story import tell  # noqa: PLC0415  # models can be imported only now

    tell(estate=json.loads(given.estate.read_text()), idp_metadata=_fetch(f"{given.idp}/metadata"))


def _fetch(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    main()
