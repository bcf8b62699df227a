"""Script that reads a workbook with python-calamine, in a process of its own with little memory and time.

calamine is compiled Rust: what a damaged or hostile file makes it allocate cannot be limited, and its failure cannot
be caught, in the process that serves requests. Standard input is the workbook, the first argument the name of a sheet
(empty: only list the sheets), the second the limits; standard output is JSON. Nothing of the project is imported.
"""

import datetime
import io
import json
import sys

import python_calamine

MAX_MEMORY, MAX_SECONDS = 512 * 2**20, 30
Value = str | float | bool | datetime.date | datetime.time | datetime.timedelta


def limit_resources() -> None:
    """Limit memory and processor time, where the system can."""
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def typed(value: Value) -> tuple[str, object]:
    """Return the type of a value, and the value as JSON holds it."""
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, datetime.timedelta):
        return "number", value / datetime.timedelta(days=1)
    if isinstance(value, int | float):
        return "number", value
    if isinstance(value, datetime.date | datetime.time):
        return type(value).__name__, value.isoformat()
    return "text", value


def read(content: bytes, name: str, limits: dict[str, int]) -> dict[str, object]:
    """Return the sheets and the cells of one; where a limit is passed, the cell that passes it."""
    book = python_calamine.load_workbook(io.BytesIO(content))
    worksheet, visible = python_calamine.SheetTypeEnum.WorkSheet, python_calamine.SheetVisibleEnum.Visible
    sheets = [[sheet.name, sheet.typ == worksheet and sheet.visible == visible] for sheet in book.sheets_metadata]
    if name not in book.sheet_names:
        return {"sheets": sheets}
    sheet = book.get_sheet_by_name(name)
    rows: list[tuple[int, list[tuple[int, str, object]]]] = []
    cells = 0
    left = sheet.start[1] if sheet.start else 0  # rows begin at the first of the sheet, columns at the first used
    for number, values in enumerate(sheet.iter_rows(), 1):
        row = [(column, *typed(value)) for column, value in enumerate(values, left + 1) if value != ""]
        if not row:
            continue
        rows.append((number, row))
        cells += len(row)
        last = row[-1][0]
        if len(rows) > limits["rows"] or cells > limits["cells"] or last > limits["columns"]:
            return {"sheets": sheets, "beyond": {"row": number, "column": last, "rows": len(rows)}}
    return {"sheets": sheets, "rows": rows, "merged": sheet.merged_cell_ranges or []}


if __name__ == "__main__":
    limit_resources()
    try:
        found = read(sys.stdin.buffer.read(), sys.argv[1], json.loads(sys.argv[2]))
    except python_calamine.PasswordError:
        found = {"error": "encrypted"}
    except MemoryError:
        found = {"error": "bomb"}
    except Exception:  # whatever it is, the file cannot be read
        found = {"error": "damaged"}
    json.dump(found, sys.stdout)
