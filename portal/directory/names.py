"""What may stand in the lists and tables of names that admins write as JSON."""

from django.core.exceptions import ValidationError

MOST = 500
LONGEST = 500


def validate_words(words: object) -> None:
    """Refuse anything but a list of at most 500 texts of 1 to 500 characters."""
    if not isinstance(words, list) or len(words) > MOST or not all(_is_word(word) for word in words):
        raise ValidationError(f'A list of at most {MOST} texts is wanted, such as ["one", "two"].')


def validate_names(names: object) -> None:
    """Refuse anything but a table of at most 500 names, text to text."""
    if (
        not isinstance(names, dict)
        or len(names) > MOST
        or not all(_is_word(key) and _is_word(value) for key, value in names.items())
    ):
        raise ValidationError(f'A table of at most {MOST} names is wanted, such as {{"theirs": "ours"}}.')


def _is_word(word: object) -> bool:
    return isinstance(word, str) and 1 <= len(word) <= LONGEST
