"""Date and number formats for English: 30 January 2024, September 2023, 12,345.6."""

DATE_FORMAT = "j F Y"
SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j F Y, H:i"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
MONTH_DAY_FORMAT = "j F"
YEAR_MONTH_FORMAT = "F Y"
YEAR_FORMAT = "Y"  # ours: what format_date takes for a date of which only the year is known
DATE_INPUT_FORMATS = ["%Y-%m-%d"]  # month before day and day before month look alike
FIRST_DAY_OF_WEEK = 1
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
