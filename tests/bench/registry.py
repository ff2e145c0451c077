"""What is measured. A bench is a module here with `run() -> list[Section]`; name it in BENCHES, and it is on the page.

It runs in a process of its own, with Django set up on an empty, migrated PostgreSQL that is its alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Module, and after how many seconds its process is ended: some times what it takes on two idle cores.
BENCHES = {"sweep": 1200}


@dataclass(frozen=True)
class Section:
    """One table of the page. Cells are formatted by the bench; `text` says what was done, and against what."""

    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n{self.text}\n\n{table}\n"
