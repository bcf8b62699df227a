"""CSV files of Excel, WPS, databases and text editors: detection of encoding, delimiter and quotes."""

import pytest

from core.spreadsheets.cells import REASONS, Sheet, SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reader import read_sheet, sheet_names

RARE_CHARACTERS = "㐀,𠮷,镕,喆"


def read(content: str | bytes, name: str = "名单.csv") -> Sheet:
    return read_sheet(name, content.encode() if isinstance(content, str) else content)


def rows(content: str | bytes) -> dict[int, dict[int, object]]:
    return {line.number: {c: entry.value for c, entry in line.cells.items()} for line in read(content).rows}


def rejected(content: str | bytes, name: str = "名单.csv") -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refusal:
        read(content, name)
    return refusal.value


# -- encodings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "codec", "name"),
    [
        (b"", "utf-8", "UTF-8"),
        (b"\xef\xbb\xbf", "utf-8", "UTF-8 with BOM"),
        (b"", "gb18030", "GB18030"),
        (b"\x84\x31\x95\x33", "gb18030", "GB18030"),
    ],
    ids=["utf-8", "utf-8 bom", "gb18030", "gb18030 bom"],
)
def test_each_encoding_is_read_to_the_letter_and_named(mark: bytes, codec: str, name: str) -> None:
    content = mark + ("省份,名称\r\n" + f"{RARE_CHARACTERS}\r\n" * 5000).encode(codec)
    found = read(content)
    assert sheet_names("a.csv", content) == [""]
    assert (found.file_format, found.name, found.encoding) == ("csv", "", name)
    assert (found.other_sheets, found.filled_down) == ([], {})
    assert len(found.rows) == 5001
    assert found.rows[0] == SheetRow(1, {1: SheetCell("省份"), 2: SheetCell("名称")})
    assert {tuple(entry.value for entry in line.cells.values()) for line in found.rows[1:]} == {
        tuple(RARE_CHARACTERS.split(","))
    }


@pytest.mark.parametrize(
    "content",
    [
        "省份,名称\n".encode() + "福建,福州\n".encode("gb18030"),
        "省份,名称\n".encode("gb18030") * 1000 + "福建,福州\n".encode(),
        "名稱,說明\n臺灣,這個檔案的文字是繁體中文\n".encode("big5"),
        "福建,福州\n".encode("utf-16"),
        b"%PDF-1.7\n\x93\x8c\x8b\x9e\xff\xff",
    ],
    ids=["first utf-8", "last utf-8", "big5", "utf-16", "pdf"],
)
def test_any_other_encoding_is_rejected(content: bytes) -> None:
    assert (rejected(content).code, rejected(content).message) == ("encoding", REASONS["encoding"])


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xef\xbb\xbf", b" \r\n\r\n", b",,,\r\n,,,\r\n"])
def test_a_file_with_nothing_in_it_is_rejected(content: bytes) -> None:
    assert rejected(content).code == "empty"


# -- delimiters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("名称;说明\n甲;a,b,c,d,e\n乙;f,g,h,i\n", ["乙", "f,g,h,i"]),
        ("名称,行业\n甲,钢铁;水泥;电力;化工\n乙,钢铁;水泥;电力;化工\n", ["乙", "钢铁;水泥;电力;化工"]),
        ("名称\t说明\n甲\t一，二，三,四\n", ["甲", "一，二，三,四"]),
        ('"a;b;c";x\n"d,e,f";y\n', ["d,e,f", "y"]),
        ('"a\n;;;;\n;;;;\n;;;;\n",x\n', ["a\n;;;;\n;;;;\n;;;;\n", "x"]),
        ("# 筛选: a;b;c\n# 日期; 来源; x\n名称,行业\n甲,钢铁;水泥\n", ["甲", "钢铁;水泥"]),
        ("名称\n甲\n乙\n", ["乙"]),
    ],
)
def test_the_delimiter_among_other_signs(text: str, cells: list[str]) -> None:
    assert [cell.value for cell in read(text).rows[-1].cells.values()] == cells


# -- records ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["crlf", "lf", "cr"])
def test_records_are_numbered_as_a_spreadsheet_numbers_rows(end: str) -> None:
    text = end.join(["a,b", "", '"x', 'y","""q"" z"', ",,", "1,,3,4", '"",2', "last,"])
    assert rows(text) == {
        1: {1: "a", 2: "b"},
        3: {1: f"x{end}y", 2: '"q" z'},
        5: {1: "1", 3: "3", 4: "4"},
        6: {2: "2"},
        7: {1: "last"},
    }


@pytest.mark.parametrize(
    "rest",
    ['"福建,甲\n' + "浙江,乙\n" * 97, '"福建,甲\n"浙江",乙\n' * 49, '福建,"甲" 号,\n' * 98, '福建,"'],
    ids=["to the end", "to the next quote", "words after it", "nothing after it"],
)
def test_a_quote_that_is_not_closed_is_named_by_its_line(rest: str) -> None:
    found = rejected("省份,名称\n江苏,丙\n" + rest)
    assert found.code == "quote"
    assert "3" in found.message


def test_more_than_any_list_has_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rejected("a,b\n" * 50_001).code == "too_many_rows"
    assert len(read("a,b\n" * 50_000 + "\n" * 1000).rows) == 50_000
    assert rejected("," * 200 + "x").code == "too_many_columns"
    assert "GS1" in rejected("," * 200 + "x").message
    assert rows("," * 199 + "x" + "," * 50) == {1: {200: "x"}}
    assert rejected(b"a" * (20 * 2**20 + 1)).code == "too_large"
    monkeypatch.setattr("core.spreadsheets.reader.MAX_CELLS", 3)
    assert rejected("a,b\n,b\n").code == "too_many_cells"


# -- cells -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "entry"),
    [
        ("0012", SheetCell("0012")),
        (" a ", SheetCell(" a ")),
        ("'=1", SheetCell("=1")),
        ("''=1", SheetCell("'=1")),
        ("'-5", SheetCell("-5")),
        ("'＝1", SheetCell("＝1")),
        ("'\ta", SheetCell("\ta")),
        ("'福建", SheetCell("'福建")),
        ("'", SheetCell("'")),
        ('="0012"', SheetCell("0012")),
        ('"=""0012"""', SheetCell("0012")),
        ('\'="0012"', SheetCell('="0012"')),
        ("=1+1", SheetCell("=1+1", error="formula")),
        ("=cmd|' /C calc'!A0", SheetCell("=cmd|' /C calc'!A0", error="formula")),
        ("-5", SheetCell("-5")),
        ("+5", SheetCell("+5")),
        ("@x", SheetCell("@x")),
        ("#REF!", SheetCell("#REF!", error="error")),
        ("#1", SheetCell("#1")),
    ],
)
def test_a_cell(cell: str, entry: SheetCell) -> None:
    assert read(f"x;{cell}\n").rows == [SheetRow(1, {1: SheetCell("x"), 2: entry})]
