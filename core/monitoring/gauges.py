"""Gauges of our own, beside what django-prometheus counts: read from the records at each scrape.

A part adds its own by `register_gauges` in the `ready` of its app: core/monitoring/sources.py, dashboard/monitoring.py.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.http.errors import DATABASE_UNAVAILABLE

log = logging.getLogger("tracker.metrics")
Values = Mapping[str, float | None]  # None: there is no such number, and no line for it
DATABASE_UP = ("tracker_database_up", "1 if the database answered this scrape, else 0.")
GAUGE_ERRORS = Counter(
    "tracker_gauge_errors", "Scrapes in which gauges of this source could not be read and are absent.", ["source"]
)


@dataclass(frozen=True)
class GaugeSource:
    """Gauges that are read together: names with their help texts, and the function that reads them."""

    name: str
    gauges: Mapping[str, str]
    read: Callable[[], Values]


SOURCES: dict[str, GaugeSource] = {}  # in the order in which they are read


def register_gauges(name: str, gauges: Mapping[str, str], read: Callable[[], Values]) -> None:
    """Add gauges. `read` returns their values and should make one query; names begin with `tracker_`."""
    SOURCES[name] = GaugeSource(name, gauges, read)


class GaugeCollector(Collector):
    """Collector of all registered gauges."""

    def collect(self) -> Iterable[Metric]:
        """Read every source. Once the database is silent it is not asked again: each question would wait as long."""
        metrics, up = [], True
        for source in SOURCES.values():
            try:
                if not up:
                    raise DATABASE_UNAVAILABLE[0]("not asked again")
                values = source.read()
            except Exception as exc:  # whatever it is, the other numbers are worth having
                up = up and not isinstance(exc, DATABASE_UNAVAILABLE)
                GAUGE_ERRORS.labels(source.name).inc()
                log.warning("gauges of %s could not be read: %s: %s", source.name, type(exc).__name__, exc)
                continue
            metrics += [gauge(name, text, values[name]) for name, text in source.gauges.items() if name in values]
        return [gauge(*DATABASE_UP, float(up)), *metrics]


def gauge(name: str, text: str, value: float | None) -> Metric:
    """Return a gauge; without a value only its description."""
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family


GAUGES = CollectorRegistry()  # of their own: processes add their counters up, and gauges are read once
GAUGES.register(GaugeCollector())
