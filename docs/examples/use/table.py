import os

import pandas

tracker = os.environ["TRACKER"]
plans = pandas.read_csv(f"{tracker}/plans/?status=issued&as_of=2023-12-31&format=csv")
print(len(plans), "plans,", plans["issued_precision"].eq("day").sum(), "of them dated to the day")
