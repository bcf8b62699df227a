"""What several pages of the pilots ask alike."""

from collections.abc import Iterable

from django.db.models import Q

from pilots.models import Milestone, Reading, StageEntry, Target
from policies.models import Source

FACTS = (StageEntry, Milestone, Target, Reading)


def sources_of(pilots: Iterable[int], *kinds: type[StageEntry | Milestone | Target | Reading]) -> list[Source]:
    """The sources of these pilots' facts, of all kinds unless some are named. One query."""
    keys = list(pilots)
    cited = Q(pk__in=[])
    for model in kinds or FACTS:
        links = model.sources.through.objects.filter(**{f"{model._meta.model_name}__pilot__in": keys})
        cited |= Q(pk__in=links.values("source_id"))
    return list(Source.objects.filter(cited))
