"""Distinguished names compared (RFC 4514): servers write the same name in several ways."""

import hashlib
import re

KEY_BYTES = 16
_SPACES = re.compile(r" *([,;+=]) *")
_ESCAPE = re.compile(r"((?:\\[0-9a-f]{2})+)|\\(.)", re.DOTALL)


def dn_key(dn: str) -> bytes:
    """Return 16 bytes that are the same for two spellings of a name: of case, of spaces between parts, of escapes.

    Two names that a server tells apart by case alone have one key: whoever collects keys must look for that. Names of
    which only the order of the parts of a multi-valued RDN differs have two: such a member isn't found.
    """
    plain = dn.lower().strip()
    if "\\" in plain:
        plain = _ESCAPE.sub(_unescaped, plain)
    if " " in plain:
        plain = _SPACES.sub(r"\1", plain)
    return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


def _unescaped(found: re.Match[str]) -> str:
    """Return what an escape stands for: one sign, or bytes of UTF-8 in hex (RFC 4514, 2.4)."""
    if found[1] is None:
        return _marked(found[2])
    text = bytes.fromhex(found[1].replace("\\", "")).decode("utf-8", "backslashreplace")
    return "".join(_marked(character) for character in text.lower())


def _marked(character: str) -> str:
    """Tell a comma within a value from one between two parts: by what stands in no name."""
    return f"\0{ord(character):x}\0" if character in ',;+="<>#\\ \0' else character
