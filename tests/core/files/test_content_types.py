"""Files by content and name: what is rejected, and why."""

import io

import pytest
from django.core.exceptions import ValidationError

from core.files import MAX_FILE_BYTES, check_file
from tests.support.files import HOSTILE, pdf


def code_of(name: str, content: bytes) -> str:
    with pytest.raises(ValidationError) as error:
        check_file(name, io.BytesIO(content))
    assert list(error.value.error_dict) == ["file"]
    return str(error.value.error_dict["file"][0].code)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_may_not_be_kept_is_rejected_with_a_code(case: str) -> None:
    name, content, code = HOSTILE[case]
    assert code_of(name, content) == code


@pytest.mark.parametrize("name", ["../../etc/report.pdf", r"C:\Users\report.pdf", "folder/report.pdf", "C:report.pdf"])
def test_a_path_in_the_name_is_rejected(name: str) -> None:
    assert code_of(name, pdf("x")) == "name_path"


@pytest.mark.parametrize("name", ["re\x00port.pdf", "re\nport.pdf", "re\u200bport.pdf"])
def test_characters_that_nobody_sees_in_the_name_are_rejected(name: str) -> None:
    assert code_of(name, pdf("x")) == "name_hidden"


def test_no_more_than_the_limit_is_read() -> None:
    class Endless(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size >= 0
            self.taken += size
            return bytes(size)

    file = Endless()
    with pytest.raises(ValidationError):
        check_file("report.pdf", file)
    assert file.taken == MAX_FILE_BYTES + 1
