import os
from datetime import date, timedelta

import requests

tracker = os.environ["TRACKER"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def write(resource, **fields):
    answer = session.post(f"{tracker}/{resource}/", json=fields, timeout=30)
    answer.raise_for_status()
    return answer.json()


year = date.today().year + 2
target = write("targets", pilot="huzhou", indicator="ENE_NFF", kind="limit", target_year=year, target_value=26)
print(target["state"], target["target_value"])

amendment = write("amendments", target=target["id"], value=25, reason_en="The plan of the province says 25 %")
print(amendment["state"], amendment["value"])  # of a province it waits for the ministry

yesterday = date.today() - timedelta(1)
for params in ({}, {"as_of": yesterday}):
    seen = session.get(target["url"], params=params, timeout=30).json()
    print(seen["state"], seen["target_value"])
