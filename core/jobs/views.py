"""Pages of background jobs: one's own, newest first; one job with its progress; cancel, run again, download."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from functools import wraps
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from core.http.problems import error_response
from core.http.request import TrackerRequest
from core.jobs.models import Job
from core.jobs.queue import cancel, lacks_worker, run_again
from core.jobs.registry import kind_label
from core.pages import Page, page_view
from core.spreadsheets.file_responses import content_disposition

SHOWN = 100  # of the own jobs; those that are over are deleted after 30 days
OVERSEE = "jobs.oversee_job"
PARAMS = {"as_of", "known", "lang"}


def own_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator of views for signed-in users, whose responses no cache stores."""
    return cache_control(no_store=True, private=True)(login_required(view))


def of_job(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator: a view of one job, for its owner and who oversees all; for others there is none."""

    @wraps(view)
    def found(request: TrackerRequest, pk: UUID) -> HttpResponseBase:
        job = Job.objects.filter(pk=pk).first()
        if job is None or not may_see(request.user, job):
            raise Http404
        return view(request, job=job)

    return own_page(found)


def may_see(user: Any, job: Job) -> bool:
    """Whether the user may see and cancel the job: its owner, and who oversees all jobs."""
    return bool(job.owner_id == user.pk or user.has_perm(OVERSEE))


def may_run_again(user: Any, job: Job) -> bool:
    """Whether the user may ask for the same again: it runs with the rights of its owner."""
    return not job.is_open and (job.owner_id == user.pk or (job.owner_id is None and user.has_perm(OVERSEE)))


@own_page
@page_view("jobs/list.html", PARAMS, cached=False)
def job_list(request: TrackerRequest) -> Page:
    """List the user's jobs, newest first."""
    jobs = list(Job.objects.filter(owner_id=request.user.pk).order_by("-created_at")[:SHOWN])
    rows = [{"job": job, "label": kind_label(job)} for job in jobs]
    context = {
        "rows": rows,
        "oversees": request.user.has_perm(OVERSEE),
        "working": any(job.is_open for job in jobs),
        "lacks_worker": lacks_worker(),
    }
    return Page(_("Background jobs"), context=lambda: context)


@of_job
@page_view("jobs/detail.html", PARAMS, cached=False)
def job_detail(request: TrackerRequest, job: Job) -> Page:
    """Show a job: its state, how far it is, its result or what went wrong."""
    return Page(
        kind_label(job),
        context=lambda: {
            "job": job,
            "percent": percent(job),
            "own": job.owner_id == request.user.pk,
            "again": may_run_again(request.user, job),
        },
    )


def percent(job: Job) -> int | None:
    """Return how much of the job is done; None where that is not known."""
    return min(100, job.done * 100 // job.total) if job.total else None


@require_POST
@of_job
def job_cancel(request: TrackerRequest, job: Job) -> HttpResponse:
    """Cancel a job that waits or runs."""
    if job.is_open:
        cancel(job)
        messages.success(request, _("The job is cancelled. What it was doing is rolled back."))
    else:
        messages.info(request, _("This job is over: there is nothing to cancel."))
    return redirect(job)


@require_POST
@of_job
def job_again(request: TrackerRequest, job: Job) -> HttpResponse:
    """Ask for the same job again."""
    if not may_run_again(request.user, job):
        messages.error(request, _("Only its owner can run a job again, once it is over."))
        return redirect(job)
    return redirect(run_again(job))


@require_safe
@of_job
def job_file(request: TrackerRequest, job: Job) -> HttpResponseBase:
    """Send the result file of a job."""
    try:
        if not job.result:
            raise FileNotFoundError
        file = default_storage.open(job.result)
    except FileNotFoundError:
        return error_response(request, 410, _("This file is not kept any more. Run the job again."))
    name = PurePath(job.result_name)
    response = FileResponse(file, content_type=mimetypes.guess_type(name)[0] or "application/octet-stream")
    response["Content-Disposition"] = content_disposition(name.stem, name.suffix.removeprefix("."))
    return response
