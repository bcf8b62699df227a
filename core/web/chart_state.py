"""Chart state in the query string: the open chart, tab and layer, as in `?chart=map&tab=table&layer=pilots`.

One chart per page: the last one that the user touched. The server renders it open, so that a copied link shows the same
without script.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate, unknown_parameter_error
from core.web.tables import Chart

STATE_PARAMETERS = ("chart", "tab", "layer")
CHART_PARAMETERS = (*STATE_PARAMETERS, "print")
TABS = ("drawing", "table", "sources")


@dataclass(frozen=True)
class ChartState:
    """State of a chart frame; `layer` is empty where the chart has only one."""

    chart: str = ""
    tab: str = TABS[0]
    layer: str = ""

    def for_chart(self, chart: Chart) -> "ChartState":
        """Return the state of this chart: the one in the query string, or its first tab and layer."""
        if chart.slug != self.chart:
            return ChartState(chart.slug, TABS[0], next(iter(chart.layers), ""))
        return self


def read_chart_state(query: QueryDict, charts: Sequence[Chart], known: Collection[str]) -> ChartState:
    """Return the chart state of the query string. Raises BadRequest for one that the page does not have."""
    named = [name for name in STATE_PARAMETERS if name in query]
    if not named:
        return ChartState()
    if not charts:
        raise BadRequest(*(unknown_parameter_error(name, known) for name in named))
    by_slug = {chart.slug: chart for chart in charts}
    if "chart" not in query:
        text = _("%(name)s: also say of which chart, with chart=%(chart)s.")
        raise BadRequest(ErrorDetail(named[0], "missing_parameter", text % {"name": named[0], "chart": charts[0].slug}))
    chart = by_slug[require_choice("chart", str(query["chart"]), list(by_slug))]
    tab = require_choice("tab", str(query.get("tab", TABS[0])), TABS)
    if "layer" in query and not chart.layers:
        text = _("layer: the chart “%(chart)s” has no layers.")
        raise BadRequest(ErrorDetail("layer", "invalid_choice", text % {"chart": chart.slug}))
    first = next(iter(chart.layers), "")
    layer = require_choice("layer", str(query["layer"]), chart.layers) if "layer" in query else first
    return ChartState(chart.slug, tab, layer)


def read_annex(query: QueryDict, charts: Sequence[Chart], known: Collection[str]) -> bool:
    """Return whether the page is to be printed with the tables of its charts: `?print=annex`.

    Raises BadRequest for another value, and on a page without charts.
    """
    if "print" not in query:
        return False
    if not charts:
        raise BadRequest(unknown_parameter_error("print", known))
    return bool(require_choice("print", str(query["print"]), ["annex"]))


def require_choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Return the value if it is one of the choices. Raises BadRequest that names the closest one."""
    if value in choices:
        return value
    near = closest_match(value, choices)
    if near:
        text = _("%(name)s: “%(value)s” is not known here. Did you mean “%(near)s”?")
    else:
        text = _("%(name)s: “%(value)s” is not known here. Known: %(known)s.")
    message = text % {"name": name, "value": truncate(value), "near": near, "known": ", ".join(choices)}
    raise BadRequest(ErrorDetail(name, "invalid_choice", message))
