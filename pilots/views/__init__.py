"""Pages of the programme: read the address, ask, answer."""

from pilots.views.about import about
from pilots.views.batches import batch_detail, batch_list
from pilots.views.compare import compare_pilots, compare_provinces
from pilots.views.data import data
from pilots.views.desk import desk
from pilots.views.imports import (
    import_again,
    import_confirm,
    import_detail,
    import_export,
    import_list,
    import_template,
    import_undo,
    import_workbook,
)
from pilots.views.industries import industry_detail, industry_list
from pilots.views.overview import overview
from pilots.views.pilots import pilot_detail, pilot_list
from pilots.views.provinces import province_detail, province_list
from pilots.views.search import search
from pilots.views.stewards import changes, quality
from pilots.views.synergy import synergy
from pilots.views.trends import trends

__all__ = [
    "about",
    "batch_detail",
    "batch_list",
    "changes",
    "compare_pilots",
    "compare_provinces",
    "data",
    "desk",
    "import_again",
    "import_confirm",
    "import_detail",
    "import_export",
    "import_list",
    "import_template",
    "import_undo",
    "import_workbook",
    "industry_detail",
    "industry_list",
    "overview",
    "pilot_detail",
    "pilot_list",
    "province_detail",
    "province_list",
    "quality",
    "search",
    "synergy",
    "trends",
]
