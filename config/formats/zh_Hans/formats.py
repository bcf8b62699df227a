"""Date and number formats for Chinese: 2024年1月30日, 2023年9月, 12,345.6."""

DATE_FORMAT = "Y年n月j日"
SHORT_DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y年n月j日 H:i"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i"
MONTH_DAY_FORMAT = "n月j日"
YEAR_MONTH_FORMAT = "Y年n月"
YEAR_FORMAT = "Y年"  # ours: what format_date takes for a date of which only the year is known
DATE_INPUT_FORMATS = ["%Y-%m-%d"]  # month before day and day before month look alike
FIRST_DAY_OF_WEEK = 1
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","  # Django's own catalogue groups by four without a mark
NUMBER_GROUPING = 3
