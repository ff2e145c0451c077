"""Lists and tables of names as people write them: one per line. What they may hold is `directory.names`' to say."""

from collections.abc import Mapping
from typing import Any

from django import forms

BETWEEN = " = "
AREA = {"rows": 4, "cols": 70, "spellcheck": "false"}


class LinesField(forms.CharField):
    """A list of texts, one per line; empty lines don't count."""

    widget = forms.Textarea(attrs=AREA)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(str(each) for each in value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return lines_of(value)

    def run_validators(self, value: Any) -> None:
        """The column's own validator says what the list may hold; a text's don't fit one."""


class NamesField(forms.CharField):
    """A table of names, one per line: `theirs = ours`. Theirs may hold an equals sign, as a DN does."""

    widget = forms.Textarea(attrs=AREA)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{theirs}{BETWEEN}{ours}" for theirs, ours in sorted(value.items()))

    def to_python(self, value: Any) -> Any:
        table: dict[str, str] = {}
        for line in lines_of(value):
            theirs, between, ours = (part.strip() for part in f" {line} ".rpartition(BETWEEN))
            if not between or not theirs or not ours:
                raise forms.ValidationError(
                    f"'{line[:60]}' isn't a pair: write each as 'theirs = ours', with spaces around the equals sign."
                )
            if theirs in table:
                raise forms.ValidationError(f"'{theirs[:60]}' stands there twice.")
            table[theirs] = ours
        return table

    def run_validators(self, value: Any) -> None:
        """As for lists."""


def lines_of(value: Any) -> list[str]:
    return [line for each in str(value or "").splitlines() if (line := each.strip())]
