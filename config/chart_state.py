"""Which chart of a page is open on which tab and layer, as the address says: `?chart=map&tab=table&layer=pilots`.

One chart a page: the one that the reader touched last. The server opens it, so that a copied link shows the same
without script.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from config.charts import Chart
from config.faults import BadRequest, Fault, nearest, short, unknown_parameter

CHART_PARAMETERS = ("chart", "tab", "layer")
TABS = ("drawing", "table", "sources")


@dataclass(frozen=True)
class ChartState:
    """What a chart frame shows; `layer` is empty where the chart has only one."""

    chart: str = ""
    tab: str = TABS[0]
    layer: str = ""

    def of(self, chart: Chart) -> "ChartState":
        """The state of this chart: the one in the address, or else its first tab and layer."""
        if chart.slug != self.chart:
            return ChartState(chart.slug, TABS[0], next(iter(chart.layers), ""))
        return self


def read_chart_state(query: QueryDict, charts: Sequence[Chart], known: Collection[str]) -> ChartState:
    """The chart, tab and layer that the address names. Raises BadRequest for any that the page does not have."""
    named = [name for name in CHART_PARAMETERS if name in query]
    if not named:
        return ChartState()
    if not charts:
        raise BadRequest(*(unknown_parameter(name, known) for name in named))
    by_slug = {chart.slug: chart for chart in charts}
    if "chart" not in query:
        text = _("%(name)s: also say of which chart, with chart=%(chart)s.")
        raise BadRequest(Fault(named[0], "missing_parameter", text % {"name": named[0], "chart": charts[0].slug}))
    chart = by_slug[one_of("chart", str(query["chart"]), list(by_slug))]
    tab = one_of("tab", str(query.get("tab", TABS[0])), TABS)
    if "layer" in query and not chart.layers:
        text = _("layer: the chart “%(chart)s” has no layers.")
        raise BadRequest(Fault("layer", "invalid_choice", text % {"chart": chart.slug}))
    first = next(iter(chart.layers), "")
    layer = one_of("layer", str(query["layer"]), chart.layers) if "layer" in query else first
    return ChartState(chart.slug, tab, layer)


def one_of(name: str, value: str, choices: Sequence[str]) -> str:
    """The value, if it is one of the choices; the error names the nearest."""
    if value in choices:
        return value
    near = nearest(value, choices)
    if near:
        text = _("%(name)s: “%(value)s” is not known here. Did you mean “%(near)s”?")
    else:
        text = _("%(name)s: “%(value)s” is not known here. Known: %(known)s.")
    message = text % {"name": name, "value": short(value), "near": near, "known": ", ".join(choices)}
    raise BadRequest(Fault(name, "invalid_choice", message))
