"""Static files: their storage, and Chart.js and its plugins with their CDN addresses, SRI hashes and local copies.

The page's list for chart-loader.js and the Content-Security-Policy are both made from here; the settings read it.
"""

from whitenoise.storage import CompressedManifestStaticFilesStorage

CHART_CDN = "https://cdn.jsdelivr.net/npm/"

# npm address, its SRI hash, the same file served by ourselves, and the chart types that need it: none named, all do.
# Order matters: the plugins need Chart.
CHART_LIBRARIES: tuple[tuple[str, str, str, str], ...] = (
    (
        "chart.js@4.6.1/dist/chart.umd.min.js",
        "sha384-Emf5ZVIUiarAdhkgtqK+5/Z5qIvM6QoVrS+qAVtfyZVuD5lIHrac0me485+Antp0",
        "vendor/chart-4.6.1.umd.min.js",
        "",
    ),
    (
        "chartjs-adapter-date-fns@3.0.0/dist/chartjs-adapter-date-fns.bundle.min.js",
        "sha384-cVMg8E3QFwTvGCDuK+ET4PD341jF3W8nO1auiXfuZNQkzbUUiBGLsIQUE+b1mxws",
        "vendor/chartjs-adapter-date-fns-3.0.0.bundle.min.js",
        "steps timeline",
    ),
    (
        "chartjs-plugin-annotation@3.1.0/dist/chartjs-plugin-annotation.min.js",
        "sha384-3N9GHhCtN3CQef6tNfqgZlv7sQLYIkcChN+uaTZ7xVdzKYp/SjBNPxa92+hM7EAY",
        "vendor/chartjs-plugin-annotation-3.1.0.min.js",
        "steps strip funnel trend timeline coordinates",
    ),
)


CDN_URLS = [CHART_CDN + remote for remote, _integrity, _local, _kinds in CHART_LIBRARIES]
"""What a page may run from the CDN; the policy never allows the whole host."""


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed names and compressed copies; `import` statements of our modules name the hashed files too.

    No other bytes of a script change, so that the integrity hashes of the vendored libraries hold.
    """

    support_js_module_import_aggregation = True
    patterns = tuple(pattern for pattern in CompressedManifestStaticFilesStorage.patterns if pattern[0] == "*.css")
