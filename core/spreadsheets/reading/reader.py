"""Spreadsheet reader: detects the kind of file, lists its sheets and reads one of them.

The content decides, not the name: a zip is a workbook of XLSX or OpenDocument, the container of old Excel one of
before 2007, everything else is text. Text under the name of a workbook is rejected; a workbook under any name is read.
"""

from core.spreadsheets.reading.calamine_reader import calamine_sheet_names, read_with_calamine
from core.spreadsheets.reading.cells import Sheet
from core.spreadsheets.reading.csv_reader import read_csv
from core.spreadsheets.reading.safe_zip import detect_format
from core.spreadsheets.reading.xlsx_reader import read_xlsx, xlsx_sheet_names


def sheet_names(name: str, content: bytes) -> list[str]:
    """Return the visible sheets of a workbook; one without a name for CSV. Raises UnreadableFile."""
    match detect_format(name, content):
        case "csv":
            return [""]
        case "xlsx":
            return xlsx_sheet_names(content)
        case old:
            return calamine_sheet_names(content, old)


def read_sheet(name: str, content: bytes, sheet: str | None = None) -> Sheet:
    """Return one sheet of the file `name`: the first visible one unless another is named. Raises UnreadableFile."""
    match detect_format(name, content):
        case "csv":
            return read_csv(content)
        case "xlsx":
            return read_xlsx(content, sheet)
        case old:
            return read_with_calamine(content, old, sheet)
