"""IAM's wildcards as a pattern that is never slow, whatever somebody wrote: `*` is any text, `?` one character.

Python's `re` tries all ways to share a text among several `.*`, for minutes, and holds up the whole process meanwhile.
What stands between two stars is taken where it first fits, and never elsewhere: no other place lets more through.
"""

import re


def pattern_of(text: str, *, one: str = ".") -> str:
    """Return the pattern that the whole of a matching text fits, with re.DOTALL. `one`: what a `?` stands for."""
    first, *rest = [
        "".join(one if each == "?" else re.escape(each) for each in part) for part in text.split("*")
    ]
    if not rest:
        return first
    between = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return f"{first}{between}.*{rest[-1]}"
