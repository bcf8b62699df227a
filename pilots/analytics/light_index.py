"""Stage and light of many pilots on a day, for filtering, sorting and counting lists.

Pages and API use this to find red pilots; `pilot_status` also gives the reasons, for the pilots that are shown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import cast

from django.db.models import QuerySet

from core.caching import store
from core.caching.response_cache import release_fingerprint
from pilots.analytics.pilot_cache import cached_pilots, pilot_versions
from pilots.analytics.pilot_status import STATUS_CHUNK_SIZE, UNKNOWN_STAGE, colour_on, prefetch_for_status
from pilots.metrics import stages as stages_metrics
from pilots.metrics.lights import Colour
from pilots.metrics.stages import CurrentStage, Stage, StageEvent
from pilots.models import Pilot, StageEntry


@dataclass(frozen=True, slots=True)
class StageAndLight:
    """Stage and light of one pilot: code of its stage, furthest stage reached, days in its stage, colour.

    Values that were not requested are None.
    """

    stage: str | None = None
    reached: Stage | None = None
    days: int | None = None
    colour: Colour | None = None

    @property
    def order(self) -> int | None:
        """Order of its stage; None without one."""
        return Stage(self.stage).order if self.stage in Stage.values else None


# -- lights ------------------------------------------------------------------------------------------------


def lights_by_pilot(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Colour]:
    """Return the colour shown of each pilot, by key.

    Of more pilots than a worker caches, the colours of a day are cached under the version of each pilot, so that after
    a write those alone are computed that it concerns.
    """
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    cached = cached_pilots(chosen, prefetch_for_status)
    if cached is not None:
        return {pilot.pk: colour_on(pilot, as_of) for pilot in cached}
    versions = pilot_versions(chosen)
    if not versions or len(versions) <= STATUS_CHUNK_SIZE:
        return compute_lights(chosen, as_of)
    key = f"lights-{release_fingerprint()}-{as_of}-{pilots.db}"
    known = cast(dict[int, tuple[str, Colour]], store.load(key) or {})
    changed = [pilot for pilot, version in versions.items() if known.get(pilot, ("",))[0] != version]
    for start in range(0, len(changed), STATUS_CHUNK_SIZE):
        some = Pilot.objects.filter(pk__in=changed[start : start + STATUS_CHUNK_SIZE])
        known |= {pilot: (versions[pilot], colour) for pilot, colour in compute_lights(some, as_of).items()}
    if changed:
        store.save(key, known)
    return {pilot: known[pilot][1] for pilot in versions if pilot in known}


def compute_lights(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Colour]:
    """Return the colours of these pilots. Seven queries."""
    return {pilot.pk: colour_on(pilot, as_of) for pilot in prefetch_for_status(pilots, only_on=as_of)}


# -- where they stand ----------------------------------------------------------------------------------------


def stages_and_lights(
    pilots: QuerySet[Pilot], as_of: date, *, with_stages: bool = True, with_lights: bool = True
) -> dict[int, StageAndLight]:
    """Return the stage and light of each pilot, by key. Nine queries, whatever their number."""
    colours = lights_by_pilot(pilots, as_of) if with_lights else {}
    stages = current_stages(pilots, as_of) if with_stages else {}
    return {
        key: make_stage_and_light(stages.get(key), colours.get(key), as_of, with_stages)
        for key in pilots.order_by().values_list("pk", flat=True)
    }


def make_stage_and_light(
    position: CurrentStage | None, colour: Colour | None, as_of: date, with_stages: bool
) -> StageAndLight:
    if not position:
        return StageAndLight(stage=UNKNOWN_STAGE if with_stages else None, colour=colour)
    withdrawn = position.stage == Stage.WITHDRAWN
    days = (as_of - position.since).days
    return StageAndLight(position.stage.value, None if withdrawn else position.reached, days, colour)


def current_stages(pilots: QuerySet[Pilot], as_of: date) -> dict[int, CurrentStage]:
    """Return the current stage of each pilot with any on record, by key. One query."""
    own = pilots.order_by().select_related(None).prefetch_related(None).values("pk")
    stages = StageEntry.objects.filter(pilot__in=own, entered_on__lte=as_of).order_by("entered_on", "pk")
    entries: dict[int, list[StageEvent]] = defaultdict(list)
    for key, stage, entered_on in stages.values_list("pilot_id", "stage", "entered_on"):
        entries[key].append(StageEvent(Stage(stage), cast(date, entered_on)))
    found = {key: stages_metrics.current_stage(some, as_of) for key, some in entries.items()}
    return {key: position for key, position in found.items() if position}
