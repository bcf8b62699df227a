"""Static files: their storage, and Chart.js with its CDN address, SRI hash and local copy.

What a page tells library.js and the Content-Security-Policy are both made from here; the settings read it.
"""

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage

CHART_URL = "https://cdn.jsdelivr.net/npm/chart.js@4.6.1/dist/chart.umd.min.js"
"""All that a page may run from the CDN; the policy never allows the whole host."""
CHART_HASH = "sha384-Emf5ZVIUiarAdhkgtqK+5/Z5qIvM6QoVrS+qAVtfyZVuD5lIHrac0me485+Antp0"
CHART_COPY = "vendor/chart-4.6.1.umd.min.js"


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed names and compressed copies; `import` statements of our modules name the hashed files too.

    No other bytes of a script change, so that the integrity hashes of the vendored libraries hold.
    """

    support_js_module_import_aggregation = True
    patterns = tuple(pattern for pattern in CompressedManifestStaticFilesStorage.patterns if pattern[0] == "*.css")


class ServedFiles(StaticFilesConfig):
    """All but what libraries bring and no page of ours names: half of the bytes that `collectstatic` would compress."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "redoc", "rest_framework", "*.js.map"]
