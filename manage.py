#!/usr/bin/env python3
"""Django's command line for Sallyport."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.config.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as problem:
        # Whoever sits at the shell needs the reason, not a stack trace.
        sys.exit(f"The database can't be used: {str(problem).strip().splitlines()[0]}")
