"""The documentation agrees with the code: links, policies, settings, events, decisions, and what it must not name."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from portal.audit.events import EventType

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
NAMES: Final = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
NAMED_PATH: Final = re.compile(r"`((?:tests|portal|brokers|docs|templates|requirements)/[\w./*-]+)`")
HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
ROW: Final = re.compile(r"^\| *`([^`]+)`", re.MULTILINE)
CONNECTING: Final = DOCS / "connecting-an-aws-account.md"
# Made by the screenshots and by the measurements, not by hand.
MADE: Final = re.compile(r"docs/(images/[\w-]+\.png|reliability\.md|performance\.md)\Z")
HAVE_TWINS: Final = (
    "my-access",
    "console",
    "credentials",
    "grant",
    "manage-grants",
    "grant-access",
    "revoke",
)

pages = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def prose(page: Path) -> str:
    """Return the page without its code blocks: `[x](y)` in a command is no link."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    for match in LINK.finditer(prose(page)):
        target = match[1] or match[2]
        if not re.match(r"[a-z]+:", target):
            yield target


def target_of(page: Path, link: str) -> tuple[Path, str]:
    path, _, anchor = link.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers make them."""
    titles = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_made(path: Path) -> bool:
    return bool(MADE.search(path.as_posix()))


@pages
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        path, anchor = target_of(page, link)
        if is_made(path):
            continue
        if not path.exists() or (anchor and anchor not in anchors(path)):
            wrong.append(link)
    assert wrong == []


def test_pictures_and_measurements_are_made() -> None:
    linked = {path for page in PAGES for link in links(page) if is_made(path := target_of(page, link)[0])}
    twins = {
        DOCS / "images" / f"{name}{kind}.png" for name in HAVE_TWINS for kind in ("", "-dark", "-mobile")
    }
    missing = sorted(str(path.relative_to(ROOT)) for path in linked | twins if not path.exists())
    assert not missing, "To be made by `make screenshots` and by the measurements: " + ", ".join(missing)


@pages
def test_every_page_is_reached_from_the_readme(page: Path) -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        current = waiting.pop()
        if current in reached or current.suffix != ".md" or not current.exists():
            continue
        reached.add(current)
        waiting += [target_of(current, link)[0] for link in links(current)]
    assert page in reached


@pages
def test_the_files_it_names_exist(page: Path) -> None:
    named = NAMED_PATH.findall(page.read_text(encoding="utf-8"))
    missing = [name for name in named if "*" not in name and not (ROOT / name).exists()]
    assert [name for name in missing if not is_made(ROOT / name)] == []


def test_a_pattern_of_files_names_some() -> None:
    patterns = {name for page in PAGES for name in NAMED_PATH.findall(page.read_text()) if "*" in name}
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []


# ---------------------------------------------------------------- policies


def policies(page: Path) -> list[Any]:
    return [
        json.loads(body) for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == "json"
    ]


@pages
def test_json_parses(page: Path) -> None:
    policies(page)


def test_the_page_leads_to_each_shipped_file() -> None:
    """What stands in them is compared with the code by tests/unit/brokers/aws/test_hub_policies.py."""
    linked = {target_of(CONNECTING, link)[0] for link in links(CONNECTING)}
    assert {path for path in (DOCS / "aws").rglob("*") if path.is_file()} <= linked
    (condition,) = policies(CONNECTING)
    assert list(condition) == ["StringEquals"]


# ---------------------------------------------------------------- settings


def read_settings() -> dict[str, bool]:
    """Return each variable that the settings read, and whether it is a secret (which may come from a file)."""
    tree = ast.parse((ROOT / "portal/config/settings.py").read_text(encoding="utf-8"))
    found = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "env"
        ):
            name = node.args[0]
            assert isinstance(name, ast.Constant)
            assert isinstance(name.value, str), "a setting's name is written out"
            found[f"SALLYPORT_{name.value}"] = node.func.attr == "secret"
    return found


def test_nothing_else_reads_the_environment_for_settings() -> None:
    """But for the command line, which is no part of the server: ADR 26 has what it reads."""
    readers = [
        str(path.relative_to(ROOT))
        for folder in ("portal", "brokers")
        for path in (ROOT / folder).rglob("*.py")
        if {"demo", "cli"}.isdisjoint(path.parts) and _reads_environment(path.read_text(encoding="utf-8"))
    ]
    assert sorted(readers) == ["portal/config/celery.py", "portal/config/env.py", "portal/config/wsgi.py"]


def _reads_environment(code: str) -> bool:
    """By what runs: texts for others to paste may speak of it."""
    nodes = list(ast.walk(ast.parse(code))) if re.search("environ|getenv", code) else []
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {each.name for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names}
    return not names.isdisjoint({"environ", "environb", "getenv", "getenvb"})


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("import os\nos.environ['A']", True),
        ("import os as o\no.getenv('A')", True),
        ("from os import environ", True),
        ("import os\ntext = 'import os; os.environ'", False),
    ],
)
def test_the_environment_is_read_by_what_runs(code: str, reads: bool) -> None:
    assert _reads_environment(code) is reads


def test_the_example_has_every_setting_and_no_other() -> None:
    secrets = {name for name, is_secret in read_settings().items() if is_secret}
    written = re.findall(
        r"^(SALLYPORT_\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
    )
    plain = [
        name.removesuffix("_FILE") if name.removesuffix("_FILE") in secrets else name for name in written
    ]
    assert sorted(plain) == sorted(read_settings())


def test_the_settings_table_has_every_setting_and_no_other() -> None:
    text = section(DOCS / "operating.md", "Settings")
    told = {name: " (or `_FILE`)" in line for line in text.splitlines() for name in ROW.findall(line)}
    assert told == read_settings()


def section(page: Path, title: str) -> str:
    text = page.read_text(encoding="utf-8")
    _, _, after = text.partition(f"\n## {title}\n")
    assert after, f"{page.name} has no section {title}"
    return after.partition("\n## ")[0]


# ---------------------------------------------------------------- events, decisions, commands


def test_every_audit_event_is_explained_and_no_other() -> None:
    told = ROW.findall(section(DOCS / "operating.md", "Audit events"))
    assert told == [event.value for event in EventType]


def test_the_index_has_every_decision() -> None:
    files = sorted(path.name for path in (DOCS / "adr").glob("0*.md"))
    index = (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\| \[(\d{4})\]\((\1-[\w-]+\.md)\) \| (.+) \|", index)
    assert [name for _, name, _ in listed] == files
    for number, name, _ in listed:
        text = (DOCS / "adr" / name).read_text(encoding="utf-8")
        assert text.startswith(f"# {int(number)}. ")
        assert all(f"**{part}.**" in text for part in ("Problem", "Choice", "Consequences"))


def test_the_dependencies_have_their_reasons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    parts = [*project["dependencies"], *extras["portal"], *extras["cli"]]
    needed = {re.split(r"[^\w-]", part, maxsplit=1)[0].lower() for part in parts}
    table = (DOCS / "adr" / "0007-run-time-dependencies.md").read_text(encoding="utf-8")
    told = {
        re.sub(r" .*|\(.*", "", part.strip())
        for row in re.findall(r"^\| ([a-z][^|]+) \|", table, re.MULTILINE)
        for part in row.split(",")
    } - {"package"}
    assert told == needed


def test_the_management_commands_are_there() -> None:
    folder = ROOT / "portal/jobs/management/commands"
    ours = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    django = {"check", "migrate", "collectstatic", "shell"}
    used = {
        name for page in PAGES for name in re.findall(r"manage\.py (\w+)", page.read_text(encoding="utf-8"))
    }
    assert used <= ours | django
    assert ours <= used


def test_the_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {
        name
        for page in PAGES
        for name in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert used <= targets


# ---------------------------------------------------------------- what it must not name

FORBIDDEN: Final = {
    "a machine's path": re.compile(r"(?<![\w.])/(work|root|home|usr|tmp|opt|mnt|Users)/"),
    # Written with brackets, so that this file names none either.
    "a package registry's host": re.compile(
        r"pypi[.]org|python[h]osted|npm[j]s|registry[.]|ghcr[.]io|docker[.]io|crates[.]io|proxy[.]golang",
        re.IGNORECASE,
    ),
    "a pictogram": re.compile("[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]"),
    "a number of an address": re.compile(r"\b(10|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d{1,3}){2,3}\b"),
}


@pages
@pytest.mark.parametrize("what", FORBIDDEN)
def test_it_names_no(page: Path, what: str) -> None:
    assert FORBIDDEN[what].search(page.read_text(encoding="utf-8")) is None


@pages
def test_lines_have_a_length(page: Path) -> None:
    """Prose is wrapped; tables, links and commands may be longer."""
    long = [
        line
        for line in prose(page).splitlines()
        if len(line) > 125 and not re.match(r"\s*(\||!\[|<|\[)", line)
    ]
    assert long == []
