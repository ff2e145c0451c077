"""The library of scopes that comes with the portal: what each lets somebody do, in words and as a policy."""

from portal.catalog.library.data import DATA
from portal.catalog.library.entries import LibraryScope
from portal.catalog.library.operate import OPERATE
from portal.catalog.library.s3 import S3

LIBRARY: tuple[LibraryScope, ...] = (*S3, *DATA, *OPERATE)

__all__ = ["LIBRARY", "LibraryScope"]
