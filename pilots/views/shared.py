"""What several pages of the pilots ask alike."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext as _

from config.charts import Cell, Column, Table
from config.templatetags.site import lang_of, showperiod
from pilots.models import Milestone, Reading, StageEntry, Target
from policies.models import Figure, Source

FACTS = (StageEntry, Milestone, Target, Reading)
STATE_TAGS = {"verified": "green", "unverified": "grey", "disputed": "yellow"}


def sources_of(pilots: Iterable[int], *kinds: type[StageEntry | Milestone | Target | Reading]) -> list[Source]:
    """The sources of these pilots' facts, of all kinds unless some are named. One query."""
    keys = list(pilots)
    cited = Q(pk__in=[])
    for model in kinds or FACTS:
        links = model.sources.through.objects.filter(**{f"{model._meta.model_name}__pilot__in": keys})
        cited |= Q(pk__in=links.values("source_id"))
    return list(Source.objects.filter(cited))


def figures_table(figures: Iterable[Figure]) -> Table:
    """Published figures with both readings where a source prints another."""
    columns = [
        Column("name", _("Figure")),
        Column("value", _("Value"), "decimal"),
        Column("unit", _("Unit")),
        Column("period", _("Period")),
        Column("kind", _("Kind")),
        Column("as_printed", _("As printed elsewhere")),
        Column("state", _("State")),
        Column("note", _("Note")),
        Column("source", _("Source")),
    ]
    return Table(columns, [figure_cells(figure) for figure in figures])


def figure_cells(figure: Figure) -> list[Cell]:
    source = next(iter(figure.sources.all()), None)
    return [
        Cell(figure.name, lang=figure.name_lang),
        Cell(figure.value.normalize()),
        Cell(figure.get_unit_display()),
        Cell(showperiod(figure.period) or None),
        Cell(figure.get_kind_display()),
        Cell(figure.as_printed or None, lang=lang_of(figure.as_printed)),
        Cell(figure.get_state_display(), tag=STATE_TAGS[figure.state]),
        Cell(figure.note or None, lang=lang_of(figure.note)),
        Cell(source.title, url=source.url, lang=lang_of(source.title)) if source else Cell(None),
    ]
