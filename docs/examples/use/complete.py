import os
from datetime import date, timedelta

import requests

tracker = os.environ["TRACKER"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def write(resource, **fields):
    answer = session.post(f"{tracker}/{resource}/", json=fields, timeout=30)
    answer.raise_for_status()
    return answer


def say(milestone):
    seen = session.get(milestone["url"], timeout=30).json()
    print(seen["done"], seen["evidence"], seen["light"], seen["why"]["code"])


yesterday = (date.today() - timedelta(1)).isoformat()
milestone = write("milestones", pilot="huzhou", facet="goal", title_en="Platform", planned_on=yesterday).json()
say(milestone)

done = write("completions", milestone=milestone["id"], completed_on=yesterday, evidence="Order No. 7 of 2026")
say(milestone)

objection = {"objection": "The order is about another platform"}
session.patch(
    done.headers["Location"], json=objection, headers={"If-Match": done.headers["ETag"]}, timeout=30
).raise_for_status()
say(milestone)
