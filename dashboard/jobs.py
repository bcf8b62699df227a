"""Kinds of jobs: all briefs of a kind in one ZIP file, and the approval of an edition, which builds its package."""

from __future__ import annotations

import tempfile
from datetime import date

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.http.as_of import today
from core.jobs.registry import job_kind
from core.jobs.running import JobFailed, RunningJob
from dashboard.briefs.blocks import Brief
from dashboard.briefs.build import BriefKind, build_brief
from dashboard.briefs.writers.archive import write_archive
from dashboard.editions import services
from dashboard.models import Edition
from pilots.models import Pilot
from policies.models import Province


@job_kind("briefs", label=gettext_lazy("Briefs of all in one file"), repeatable=True)
def make_briefs(job: RunningJob, kind: str, export: str, as_of: str, site: str, name: str) -> None:
    """Make the briefs of all provinces or all pilots as one ZIP file, `name`."""
    day = date.fromisoformat(as_of)
    records = Province.objects.roster() if kind == BriefKind.PROVINCE else Pilot.objects.known(day)

    def build(slug: str) -> Brief:
        return build_brief(kind, slug, day, today(), None, job.language, site)

    with tempfile.TemporaryFile() as file:
        write_archive(file, [record.slug for record in records], export, build, job.progress)
        job.attach(file, name)


@job_kind("edition", label=gettext_lazy("Approval of an edition"), repeatable=True)
def approve_edition(job: RunningJob, quarter: str, seen: str, address: str) -> None:
    """Approve a submitted edition for the owner of the job. Stored all at once: a second run finds it approved."""
    edition = Edition.objects.filter(quarter=quarter).first()
    if edition is None:
        raise JobFailed(_("There is no such edition any more."))
    if not edition.is_approved:
        try:
            services.approve(edition, by=job.owner, seen=seen, address=address)
        except PermissionDenied as exc:
            raise JobFailed(_("You may not do this any more.")) from exc
        except ValidationError as exc:
            raise JobFailed("\n".join(exc.messages)) from exc
    job.link(edition.get_absolute_url(), _("The edition is approved and public. It is never changed again."))
