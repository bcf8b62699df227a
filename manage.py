#!/usr/bin/env python
"""Django's command line for the tracker."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, OperationalError) as exc:  # for the operator: one sentence
        if "--traceback" in sys.argv:
            raise
        said = str(exc).partition("\n")[0].rstrip(".")
        if isinstance(exc, OperationalError):
            said = f"The database of DATABASE_URL refused: {said}. Does it run, is this its address, is it migrated"
            sys.exit(f"{said}? Where it failed: --traceback.")
        sys.exit(f"{said}.")


if __name__ == "__main__":
    main()
