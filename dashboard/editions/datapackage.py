"""Descriptions of the data for programs: Frictionless Data Package 2 and schema.org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from dashboard.editions.tables import TableInfo
from policies.models import Source

PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
RESOURCE_PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"
SCHEMA_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"
NO_LICENCE = {
    "description": "No licence is stated. Cite the edition or the page and its day. Rights in the sources stay with "
    "their publishers.",
    "description_zh": "未注明许可协议。使用时请注明版本或页面及其日期；各来源的权利归其发布单位所有。",
}


@dataclass(frozen=True)
class DataLicence:
    """Licence of the data: its name and its address."""

    name: str
    url: str


def data_licence() -> DataLicence | None:
    """Return the licence that the setting DATA_LICENSE states; None where it states none."""
    name, _space, url = settings.DATA_LICENSE.rpartition(" ")
    return DataLicence(name.strip(), url) if url else None


def describe_licence() -> dict[str, Any]:
    """Return the licence for the description of a package, or that none is stated."""
    licence = data_licence()
    return {"licenses": [{"title": licence.name, "path": licence.url}]} if licence else dict(NO_LICENCE)


def describe_package(
    *,
    name: str,
    titles: Mapping[str, str],
    version: str,
    created: datetime | None,
    homepage: str,
    tables: Sequence[TableInfo],
    locations: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the description of a package. `locations` give of each table, in the same order, its path and more."""
    return {
        "$schema": PACKAGE_PROFILE,
        "name": name,
        "id": homepage,
        "title": titles["en"],
        "title_zh": titles["zh"],
        "version": version,
        **({"created": created.isoformat(timespec="seconds")} if created else {}),
        "homepage": homepage,
        **describe_licence(),
        "sources": describe_sources(),
        "resources": [
            {**describe_resource(table), **location} for table, location in zip(tables, locations, strict=True)
        ],
    }


def describe_sources() -> list[dict[str, str]]:
    """Return every source of the records, with its address where one is known."""
    return [
        {"title": source.title, **({"path": source.url} if source.url else {})}
        for source in Source.objects.order_by("pk")
    ]


def describe_resource(table: TableInfo) -> dict[str, Any]:
    """Return the description of a table, its place aside."""
    return {
        "$schema": RESOURCE_PROFILE,
        "name": table.name,
        "title": table.title_en,
        "title_zh": table.title_zh,
        "type": "table",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {
            "$schema": SCHEMA_PROFILE,
            "fields": [
                {
                    "name": field.name,
                    "type": field.type,
                    "description": field.description_en,
                    "description_zh": field.description_zh,
                }
                for field in table.fields
            ],
            "primaryKey": [table.heads[0]],
            "missingValues": [""],
        },
    }
