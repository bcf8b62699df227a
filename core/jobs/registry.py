"""Kinds of jobs: `@job_kind("backup", label=_("Backup"), repeatable=True)` on a function in a module `jobs`.

The app's `AppConfig.ready()` imports that module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.utils.functional import Promise

from core.jobs.models import Job
from core.jobs.running import RunningJob

Run = TypeVar("Run", bound=Callable[..., None])


@dataclass(frozen=True)
class JobKind:
    """Kind of job: its name, its label, the function that runs it with the job's arguments.

    A repeatable one may run again from the start after its worker died in the middle of it.
    """

    name: str
    label: str | Promise
    run: Callable[..., None]
    repeatable: bool


JOB_KINDS: dict[str, JobKind] = {}  # filled while the apps get ready


def job_kind(name: str, *, label: str | Promise, repeatable: bool = False) -> Callable[[Run], Run]:
    """Decorator: register `run(job: RunningJob, **arguments)` as the function of a kind.

    `repeatable` says that a second run after a broken first one does no harm: it writes in one transaction, or writes
    again what is there already.
    """

    def register(run: Run) -> Run:
        if name in JOB_KINDS and JOB_KINDS[name].run.__module__ != run.__module__:
            raise ValueError(f"two kinds of jobs have the name {name!r}")
        JOB_KINDS[name] = JobKind(name, label, run, repeatable)
        return run

    return register


def kind_label(job: Job) -> str:
    """Return the label of a job's kind; its name where this release knows no such kind."""
    kind = JOB_KINDS.get(job.kind)
    return str(kind.label) if kind else job.kind


__all__ = ["JOB_KINDS", "JobKind", "RunningJob", "job_kind", "kind_label"]
