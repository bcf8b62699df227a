"""Pages of the forms of the day, two clicks from the record that they return to: completion, objection, amendment and
its answer, stage, light, readings. Permissions are those of the records in admin and API.
"""

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from datetime import date
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, Model
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import cache_control

from core.days import today
from core.errors import Problem
from core.http import TrackerRequest, parse_key
from core.pages import DAY_PARAMETERS, page
from core.permissions import OUT_OF_SCOPE, editor_province, permission_name
from core.records.writing import Conflict
from core.tables import Cell, Column, url_with
from core.text import format_date, format_days
from pilots.amendments import terms_text, wanted_text, withdraw_amendment
from pilots.analytics.pilot_status import pilot_status
from pilots.forms import entry as forms
from pilots.lights import Light, due_day
from pilots.metrics import ORDERED_STAGES, last_day_of_period
from pilots.models import (
    Amendment,
    Completion,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    ReadingState,
    StageEntry,
    Target,
)
from pilots.models.due import ACCEPT_PERMISSION, due_records
from pilots.models.promise import PLACE_PERMISSION, may_decide
from pilots.models.reading import later_versions, waiting_readings

KEPT_ENTRY = "kept_entry"  # session key
AUTHOR = "author"  # hidden field of a form: its user, signed
MAX_FORM_AGE = 7 * 24 * 3600  # seconds for which what is typed into an open form is kept
FIRST_YEAR = 2000
NO_REQUEST_WAITS = gettext_lazy("No request waits here any more: it was decided or withdrawn.")
STAGE_PERMISSION = "pilots.add_stageentry"
MAX_JUDGED = 200  # values on one page


def entry(*params: str) -> Callable[[Any], Any]:
    """Decorator of pages with a form. What a user sends after the sign-in has ended is kept, and stands in the form
    again once the same user has signed in. Of anybody else nothing is kept.
    """

    def decorate(view: Any) -> Any:
        shown = page(*params, known=DAY_PARAMETERS, cached=False)(view)

        @login_not_required
        @cache_control(no_store=True, private=True)
        @wraps(view)
        def checked(request: TrackerRequest, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated:
                request.form_author = signing.dumps(request.user.pk, salt=AUTHOR)
                return shown(request, **kwargs)
            address = url_with(request, as_of=None, known=None)  # where the form can be sent
            with suppress(signing.BadSignature):
                author = signing.loads(request.POST.get(AUTHOR, ""), salt=AUTHOR, max_age=MAX_FORM_AGE)
                request.session[KEPT_ENTRY] = {"at": address, "user": author, "typed": request.POST.urlencode()}
            return redirect_to_login(address)

        return checked

    return decorate


def sent(request: TrackerRequest) -> tuple[Any, Any]:
    """Return the data and files that fill the form: those posted, or what was kept."""
    if request.method == "POST":
        return request.POST, request.FILES
    kept = request.session.get(KEPT_ENTRY, {})
    if (kept.get("at"), kept.get("user")) != (url_with(request, as_of=None, known=None), request.user.pk):
        return None, None
    del request.session[KEPT_ENTRY]
    text = _(
        "Your sign-in had ended. What you typed stands here again; nothing of it is saved yet. Choose a file again."
    )
    messages.warning(request, text)
    return QueryDict(kept["typed"]), None


def check(user: Any, permission: str, record: Any = None) -> None:
    if user.has_perm(permission, record):
        return
    if editor_province(user) and not user.has_perm(permission):
        text = _("The ministry does this: it enters stages, sets lights, decides on promises and accepts values.")
        raise PermissionDenied(text)
    raise PermissionDenied(str(OUT_OF_SCOPE))


def entry_page(
    request: TrackerRequest, template: str, form: Any, done: str | Callable[[], str], **context: Any
) -> HttpResponse:
    """Write what was posted, say that it is `done` and return to the record; or show the form: with 409 where others
    wrote meanwhile. The context has the `pilot`, or None, and where to return to, `back`.
    """
    pilot, back = context["pilot"], context["back"]
    if request.method == "POST" and form.enter():
        messages.success(request, done() if callable(done) else done)
        return HttpResponseRedirect(back)
    status = 200 if request.method != "POST" else 409 if getattr(form, "conflicts", ()) else 400
    crumbs = [{"url": back, "label": pilot.name if pilot else _("My work")}]
    return render(request, f"pilots/entry/{template}.html", {"form": form, "crumbs": crumbs, **context}, status=status)


# -- what was promised ---------------------------------------------------------------------------------------

PROMISES: dict[str, Any] = {"milestones": Milestone, "targets": Target}


def promise(slug: str, kind: str, pk: int) -> Any:
    """Return a milestone or target of the pilot. Raises Http404."""
    if kind not in PROMISES:
        raise Http404
    return get_object_or_404(PROMISES[kind].objects.select_related("pilot__province"), pk=pk, pilot__slug=slug)


def promise_context(record: Any) -> dict[str, Any]:
    """Return what the pages show of a milestone or target: what is in force, its light, what was asked for."""
    status = pilot_status(record.pilot, today())
    is_milestone = isinstance(record, Milestone)
    lights = status.milestones if is_milestone else status.indicators
    light = next(light for light in lights if light.record == record)
    amendments, waiting = record.all_amendments, record.waiting_amendment(today())
    return {
        "record": record,
        "pilot": record.pilot,
        "back": record.pilot.get_absolute_url() + record.anchor,
        "is_milestone": is_milestone,
        "terms": "" if is_milestone else terms_text(record, today()),
        "light": light,
        "light_text": status.text_of(light),
        "owner": status.owner_of(light),
        "waiting": waiting,
        "decided": [(item, wanted_text(item)) for item in amendments if item.accepted is not None],
        "wanted": wanted_text(waiting) if waiting else "",
    }


@entry()
def milestone_done(request: TrackerRequest, slug: str, pk: int) -> HttpResponse:
    """Enter that a milestone was completed; that of a stage is, by the entry into it."""
    milestone = promise(slug, "milestones", pk)
    if milestone.stage:
        return HttpResponseRedirect(f"{reverse('stage-enter', args=[slug])}?stage={milestone.stage}")
    new = Completion(pilot=milestone.pilot, milestone=milestone)
    check(request.user, "pilots.add_completion", new)
    form = forms.CompleteForm(*sent(request), instance=new, user=request.user)
    shown = promise_context(milestone) | {"title": _("Enter the completion"), "may_object": may_decide(request.user)}
    return entry_page(request, "done", form, _("The completion is entered."), **shown)


@entry()
def completion_objected(request: TrackerRequest, slug: str, pk: int) -> HttpResponse:
    """Object to a completion: from today on it does not count."""
    rows = Completion.objects.select_related("pilot__province", "milestone__pilot__province")
    completion = get_object_or_404(rows, pk=pk, pilot__slug=slug)
    check(request.user, PLACE_PERMISSION)
    shown = promise_context(completion.milestone)
    if completion.objected_on:
        messages.info(request, _("It was objected to already."))
        return HttpResponseRedirect(shown["back"])
    form = forms.ObjectionForm(*sent(request), instance=copy(completion), user=request.user)
    shown |= {"title": _("Object to a completion"), "completion": completion}
    return entry_page(request, "object", form, _("The objection is entered. The province is told."), **shown)


@entry()
def amendment(request: TrackerRequest, slug: str, kind: str, pk: int) -> HttpResponse:
    """Ask for another day, value, base or year, or withdraw what was asked; the ministry enters a decided one."""
    record, user = promise(slug, kind, pk), request.user
    new = Amendment(pilot=record.pilot, **{record._meta.model_name: record})
    check(user, "pilots.add_amendment", new)
    shown, decides = promise_context(record), may_decide(user)
    waiting, back = shown["waiting"], shown["back"]
    if "withdraw" in request.POST:
        told = NO_REQUEST_WAITS
        with suppress(ValidationError, Conflict):
            if waiting:
                withdraw_amendment(waiting, by=user)
                told = gettext_lazy("The request is withdrawn.")
        messages.info(request, told)
        return HttpResponseRedirect(back)
    if record.dropped_by(today()):
        messages.info(request, _("It was dropped, and is amended no more."))
        return HttpResponseRedirect(back)
    if record.is_corrected_by(user):
        text = _("It is not promised yet, or was entered today: correct the record itself.")
        messages.info(request, text)
        return HttpResponseRedirect(reverse(f"admin:pilots_{record._meta.model_name}_change", args=[record.pk]))
    shown["title"] = _("Amend what was promised") if decides else _("Ask for an amendment")
    shown |= {"decides": decides, "may_withdraw": waiting and waiting.asked_by_id == user.pk}
    form = forms.AmendmentForm(*sent(request), instance=new, user=user)
    asked = _("The amendment is asked for. What was promised stays until the ministry decides.")
    held = _("The amendment holds from today on.")
    return entry_page(request, "amendment", form, lambda: held if form.instance.accepted else asked, **shown)


@entry()
def amendment_answer(request: TrackerRequest, slug: str, kind: str, pk: int) -> HttpResponse:
    """Accept what was asked for, or refuse it with a remark; a promise that is not accepted yet is accepted."""
    record = promise(slug, kind, pk)
    check(request.user, PLACE_PERMISSION)
    shown = promise_context(record)
    waiting = shown["waiting"]
    if waiting is None and record.promised_on:
        messages.info(request, NO_REQUEST_WAITS)
        return HttpResponseRedirect(shown["back"])
    if waiting is None:
        form: Any = forms.PromiseForm(*sent(request), record=record, user=request.user)
        done, shown["title"] = _("The promise is accepted: it is judged from today on."), _("Accept a promise")
        return entry_page(request, "answer", form, done, **shown)
    form = forms.AmendmentAnswerForm(*sent(request), instance=copy(waiting), user=request.user)
    shown["title"], texts = (
        _("Answer a request for an amendment"),
        (_("The request is refused."), _("The request is accepted.")),
    )
    return entry_page(request, "answer", form, lambda: texts[form.cleaned_data["accepted"]], **shown)


# -- the pilot: stage and light -----------------------------------------------------------------------------


def pilot_of(slug: str) -> Pilot:
    return get_object_or_404(Pilot.objects.select_related("province", "batch"), slug=slug)


def pilot_context(pilot: Pilot) -> dict[str, Any]:
    """Return what the pages show of a pilot."""
    return {"pilot": pilot, "back": f"{pilot.get_absolute_url()}#overview", "status": pilot_status(pilot, today())}


@entry("stage")
def stage_entered(request: TrackerRequest, slug: str) -> HttpResponse:
    """Enter that a pilot has come to a stage; `?stage=` proposes one, without it the next."""
    new = StageEntry(pilot=pilot_of(slug))
    check(request.user, STAGE_PERMISSION, new)
    shown = pilot_context(new.pilot)
    status = shown["status"]
    reached = status.current_stage.reached if status.current_stage else None
    following = next(iter(ORDERED_STAGES[reached.order if reached else 0 :]), "")
    initial = {"stage": request.GET.get("stage") or following}
    form = forms.StageEnteredForm(*sent(request), instance=new, user=request.user, initial=initial)
    shown["promised"] = [row for row in status.milestones if row.record.stage and row.in_force and not row.done]
    shown |= {
        "title": _("Enter a stage"),
        "withdraw_url": withdrawal_url(new.pilot) if may_decide(request.user) else "",
    }
    done = _("The stage is entered: %(stage)s.")
    return entry_page(request, "stage", form, lambda: done % {"stage": form.instance.get_stage_display()}, **shown)


@entry()
def light_set(request: TrackerRequest, slug: str) -> HttpResponse:
    """Set the light of a pilot by hand until a day."""
    user: Any = request.user
    new = LightOverride(pilot=pilot_of(slug), author=user)
    check(user, "pilots.add_lightoverride", new)
    form = forms.LightForm(*sent(request), instance=new, user=user)
    shown = pilot_context(new.pilot) | {"title": _("Set the light by hand")}
    done = _("The light is set by hand until %(day)s.")
    return entry_page(request, "light", form, lambda: done % {"day": format_date(form.instance.expires_on)}, **shown)


# -- readings ------------------------------------------------------------------------------------------------


def ended_periods(quarterly: bool, day: date) -> list[str]:
    """Return the years or quarters that have ended by the date."""
    quarters = [f"-Q{quarter}" for quarter in range(1, 5)] if quarterly else [""]
    periods = [f"{year}{quarter}" for year in range(FIRST_YEAR, day.year + 1) for quarter in quarters]
    return [period for period in periods if last_day_of_period(period) <= day]


@entry("period", "indicator")
def readings_enter(request: TrackerRequest, slug: str) -> HttpResponse:
    """Enter the values of a year or quarter (`?period=`, by default the last year that has ended), all or none.

    Rows are the indicators of the pilot's targets and values, and those that were added to the page.
    """
    pilot, user = pilot_of(slug), request.user
    check(user, "pilots.add_reading", Reading(pilot=pilot))
    asked = request.GET.get("period", "")
    quarterly = "-Q" in asked
    ended = ended_periods(quarterly, today())
    if asked and asked not in ended:
        text = _("“%(period)s” is no period that has ended. Give a year or a quarter from 2000 on, such as %(newest)s.")
        raise Problem("period", "invalid", text % {"period": asked, "newest": ended[-1]})
    period = asked or ended[-1]
    earlier, later = ended[: ended.index(period)], ended[ended.index(period) + 1 :]
    texts = [*request.POST.getlist("rows"), *(request.POST.getlist("add") if "add_row" in request.POST else [])]
    added = [key for text in texts if (key := parse_key(text))]
    form = forms.ReadingsForm(*sent(request), user=user, pilot=pilot, period=period, added=added)
    indicators, due_on = [row.indicator for row in form.rows], None
    if not quarterly:
        records = due_records(pilot, *indicators)
        days = [due_day(records, item.pk, int(period), today()) for item in indicators]
        due_on = min(filter(None, days), default=None)
    shown: dict[str, Any] = {
        "title": _("Readings of %(period)s") % {"period": period},
        "pilot": pilot,
        "back": pilot.get_absolute_url() + "#indicators",
        "period": period,
        "due_on": due_on,
        "late": format_days((today() - due_on).days) if due_on and due_on < today() else "",
        "periods": [*earlier[-1:], *later[:1], ended_periods(not quarterly, today())[-1]],
        "others": Indicator.objects.exclude(pk__in=[item.pk for item in indicators]),
    }

    def done() -> str:
        text = ngettext("%(count)d value was recorded.", "%(count)d values were recorded.", form.recorded)
        same = _("Nothing was recorded: every value is on record as it is.")
        return text % {"count": form.recorded} if form.recorded else same

    if "add_row" in request.POST:  # what was typed is shown again without being checked
        form.redisplay_typed()
        return render(request, "pilots/entry/readings.html", {"form": form, **shown})
    return entry_page(request, "readings", form, done, **shown)


@entry("pilot", "reading")
def readings_judge(request: TrackerRequest) -> HttpResponse:
    """Accept, return or dispute values: those of `?reading=1,2`, else those that wait, of a pilot by `?pilot=`.

    A version is left out beside a later one.
    """
    user, slug = request.user, request.GET.get("pilot")
    check(user, ACCEPT_PERMISSION)
    keys = [key for text in request.GET.get("reading", "").split(",") if (key := parse_key(text))]
    asked = waiting_readings(today())
    if keys:
        asked = Reading.objects.filter(~Exists(later_versions().filter(pk__in=keys)), pk__in=keys)
    pilot = pilot_of(slug) if slug else None
    if pilot:
        asked = asked.filter(pilot=pilot)
    keys = [*asked.values_list("pk", flat=True)[:MAX_JUDGED]]
    rows = Reading.objects.filter(pk__in=keys).select_related("pilot__batch", "pilot__province", "indicator")
    if not all(user.has_perm(ACCEPT_PERMISSION, reading) for reading in rows):
        raise PermissionDenied(str(OUT_OF_SCOPE))
    form = forms.JudgeForm(*sent(request), user=user, rows=rows)

    def done() -> str:
        texts = {
            ReadingState.ACCEPTED: ngettext("%(count)d reading accepted.", "%(count)d readings accepted.", form.judged),
            ReadingState.RETURNED: ngettext("%(count)d reading returned.", "%(count)d readings returned.", form.judged),
            ReadingState.DISPUTED: ngettext("%(count)d reading disputed.", "%(count)d readings disputed.", form.judged),
        }
        return texts[form.cleaned_data["verdict"]] % {"count": form.judged}

    back = pilot.get_absolute_url() + "#indicators" if pilot else reverse("desk")
    shown = {"title": _("Judge values"), "pilot": pilot, "back": back, "count": len(keys)}
    return entry_page(request, "judge", form, done, more=asked.count() - len(keys), **shown)


# -- links from the record -----------------------------------------------------------------------------------


def entry_links(request: TrackerRequest, pilot: Pilot) -> list[tuple[str, str]]:
    """Return the labels and addresses of the forms that the user may fill in for a pilot; none on a past day."""
    user = request.user
    if not user.is_staff or request.as_of_past:
        return []
    judges = user.has_perm(ACCEPT_PERMISSION, pilot) and waiting_readings(today()).filter(pilot=pilot).exists()
    year, at = {"period": ended_periods(False, today())[-1]}, [pilot.slug]
    links = [
        (
            may_enter(request, Reading(pilot=pilot)),
            _("Readings of %(period)s") % year,
            reverse("readings-enter", args=at),
        ),
        (judges, _("Judge values"), f"{reverse('readings-judge')}?pilot={pilot.slug}"),
        (may_enter(request, StageEntry(pilot=pilot)), _("Enter a stage"), reverse("stage-enter", args=at)),
        (may_enter(request, LightOverride(pilot=pilot)), _("Set the light by hand"), reverse("light-set", args=at)),
        (may_decide(user), _("Withdraw the pilot"), withdrawal_url(pilot)),
    ]
    return [(label, url) for may, label, url in links if may]


def may_enter(request: TrackerRequest, new: Model) -> bool:
    """Whether the user may enter a record such as this; nobody does on a past day."""
    may_add = request.user.has_perm(permission_name(type(new), "add"), new)
    return bool(request.user.is_staff and not request.as_of_past and may_add)


def withdrawal_url(pilot: Pilot) -> str:
    """Return the address of the field in which a pilot is withdrawn."""
    return f"{reverse('admin:pilots_pilot_change', args=[pilot.pk])}#id_withdrawn_on"


def waits_for_decision(user: Any, record: Any) -> bool:
    """Whether the user decides about a request for it, or accepts it as a promise."""
    return may_decide(user) and bool(record.promised_on is None or record.waiting_amendment(today()))


def milestone_entries(request: TrackerRequest, pilot: Pilot) -> list[Column[Light]]:
    """Return the column that leads from each milestone to its form, for users who may fill it in."""
    if not may_enter(request, Completion(pilot=pilot)):
        return []
    user, enters_stages = request.user, may_enter(request, StageEntry(pilot=pilot))

    def cell(item: Light) -> Cell:
        milestone = item.record
        if waits_for_decision(user, milestone):
            return Cell("", url=milestone.entry_url("-answer"), page_text=_("Decide"))
        if item.done and may_decide(user) and isinstance(item.completion, Completion):
            url = reverse("completion-object", args=[pilot.slug, item.completion.pk])
            return Cell("", url=url, page_text=_("Object"))
        if not item.in_force or (milestone.stage and (item.done or not enters_stages)):
            return Cell("")
        text = _("Correct") if item.done else _("Enter")
        return Cell("", url=reverse("milestone-done", args=[pilot.slug, milestone.pk]), page_text=text)

    return [Column("enter", _("Enter"), cell)]


def reading_entries(request: TrackerRequest, pilot: Pilot) -> list[Column[Light]]:
    """Return the column that leads from each indicator to the field of its value, for users who may enter one."""
    if not may_enter(request, Reading(pilot=pilot)):
        return []
    page_url = reverse("readings-enter", args=[pilot.slug])

    def cell(item: Light) -> Cell:
        if waits_for_decision(request.user, item.record):
            return Cell("", url=item.record.entry_url("-answer"), page_text=_("Decide"))
        return Cell("", url=f"{page_url}#id_r{item.record.indicator_id}-value", page_text=_("Enter"))

    return [Column("enter", _("Enter"), cell)]
