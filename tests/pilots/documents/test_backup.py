"""Files of documents belong into a backup, of deleted ones too: they can be restored."""

import pytest

from core.files.store import blob_name, kept_names
from tests.factories import make_document

pytestmark = pytest.mark.django_db


def test_a_backup_needs_the_files_of_documents_present_and_deleted() -> None:
    present, deleted = make_document(), make_document()
    names = {blob_name(present.sha256), blob_name(deleted.sha256)}
    deleted.delete()
    assert names <= kept_names()
