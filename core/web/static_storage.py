"""Static files storage."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed names and compressed copies; `import` statements of our modules name the hashed files too.

    No other bytes of a script change, so that the integrity hashes of the vendored libraries hold.
    """

    support_js_module_import_aggregation = True
    patterns = tuple(pattern for pattern in CompressedManifestStaticFilesStorage.patterns if pattern[0] == "*.css")
