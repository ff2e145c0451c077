"""The rows of docs/reliability.md, made from what was measured on both databases."""

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = "| fault, as injected | measured | PostgreSQL | SQLite |\n|---|---|---|---|"


def table(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return Markdown: a row for each figure, the fault named at its first."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for database, figures in found.items():
        for figure in figures:
            key = figure["injected"], figure["measured"]
            values.setdefault(key, {})[database] = figure["value"]
    lines, last = [HEAD], ""
    for (injected, measured), by_database in values.items():
        cells = [_shown(by_database.get(database)) for database in ("postgresql", "sqlite")]
        lines.append(f"| {'' if injected == last else injected} | {measured} | {' | '.join(cells)} |")
        last = injected
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".removesuffix(".00") if value < 100 else f"{value:.0f}"  # noqa: RUF001
