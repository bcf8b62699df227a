"""Run background jobs until told to stop (SIGTERM, Ctrl-C)."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from core.backup.service import hold_service_lock
from core.jobs.worker import Worker


class Command(BaseCommand):
    help = "Runs background jobs and enqueues scheduled ones, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until-empty", action="store_true", help="end when no job waits")
        parser.add_argument("--beside", type=int, default=0, metavar="PID", help="end with this process")

    def handle(self, *_args: Any, **options: Any) -> None:
        hold_service_lock()  # no restore while jobs run
        worker = Worker(options["beside"])

        def stop(*_signal: object) -> None:
            worker.stop()

        former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            worker.run(until_empty=options["until_empty"])
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
