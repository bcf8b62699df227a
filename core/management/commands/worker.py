"""Run background jobs until told to stop (SIGTERM, Ctrl-C): the job at hand is finished first."""

import logging
import os
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction

from core.backup.databases import exclusive_lock, hold_service_lock
from core.days import demonstration_side
from core.jobs.queue import take_back

log = logging.getLogger("tracker.jobs")
NIGHTLY_EVERY = 15 * 60  # seconds; `nightly` does what is due, once


class Worker(db_worker.Worker):
    """Worker of django-tasks-db under a fixed name, which takes back what it left when it died and outlives a database
    that is locked or away."""

    def __init__(self, name: str, until_empty: bool, nightly: bool, beside: int) -> None:
        super().__init__(
            queue_names=["*"],
            excluded_queue_names=[],
            interval=1,
            batch=until_empty,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=name,
        )
        self.nightly, self.beside = nightly, beside
        self.nightly_at = time.monotonic() + NIGHTLY_EVERY

    def run(self) -> None:
        while self.running:
            try:
                with exclusive_lock(f"worker {self.worker_id}") as check_name:
                    if check_name is None:
                        raise CommandError(
                            f"A worker of the name {self.worker_id} runs already. Give each a name of its own, the "
                            "same at every start: --worker-id NAME."
                        )
                    if left := take_back(self.worker_id):
                        log.warning("%d jobs taken back: this worker ended in the middle of them", left)
                    return self.work(check_name)
            except DatabaseError:
                log.exception("the worker goes on when the database answers")
                close_old_connections()
                time.sleep(self.interval)
        return None

    def work(self, check_name: Callable[[], object]) -> None:
        """Run jobs until told to stop, until none waits, or until the process beside is gone."""
        while self.running and not (self.beside and process_is_gone(self.beside)):
            check_name()
            close_old_connections()
            job = self.claim()
            if job:
                demonstration_side()  # a job asks for today
                self.run_task(job)
            elif self.batch:
                return
            elif self.nightly and time.monotonic() >= self.nightly_at:
                self.nightly_at = time.monotonic() + NIGHTLY_EVERY
                try:
                    call_command("nightly")
                except CommandError as exc:
                    log.error("nightly: %s", exc)
            else:
                time.sleep(self.interval)

    def claim(self) -> DBTaskResult | None:
        """Make the next waiting job this worker's and return it. Where none waits, SQLite is not locked."""
        ready = DBTaskResult.objects.ready().filter(backend_name=self.backend_name)
        if not ready.exists():
            return None
        with exclusive_transaction(ready.db):
            job = ready.get_locked()
            if job:
                job.claim(self.worker_id)
        return job


def process_is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Command(BaseCommand):
    help = "Runs background jobs until SIGTERM or Ctrl-C. Each worker needs a name of its own, the same at every start."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--worker-id", default="worker-1", metavar="NAME", help="without it worker-1")
        parser.add_argument("--until-empty", action="store_true", help="end when no job waits")
        parser.add_argument("--nightly", action="store_true", help="do the nightly work too, where no timer calls it")
        parser.add_argument("--beside", type=int, default=0, metavar="PID", help="end with this process")

    def handle(self, *_args: Any, **options: Any) -> None:
        hold_service_lock()  # no restore while jobs run
        worker = Worker(options["worker_id"], options["until_empty"], options["nightly"], options["beside"])
        former = {number: signal.signal(number, worker.shutdown) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            worker.run()
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
