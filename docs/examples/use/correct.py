import os

import requests

tracker = os.environ["TRACKER"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def corrected(address, change):
    """The record after the change. When another client was faster, it is read again and the change repeated."""
    while True:
        seen = session.get(address, timeout=30)
        seen.raise_for_status()
        answer = session.patch(address, json=change, headers={"If-Match": seen.headers["ETag"]}, timeout=30)
        if answer.status_code != 412:
            answer.raise_for_status()
            return answer.json()


wanted = {"policy": "synergy-implementation-plan-2022", "province": "beijing"}
[plan] = session.get(f"{tracker}/plans/", params=wanted, timeout=30).json()["results"]
print(plan["issued_on"], plan["issued_precision"], "revision", plan["revision"])

change = {"issued_on": "2023-09-15", "issued_precision": "day", "change_reason": "The printed notice bears this day"}
plan = corrected(plan["url"], change)
print(plan["issued_on"], plan["issued_precision"], "revision", plan["revision"])
