"""Charts and tables of the pilots' numbers, without calculations of their own."""
