import os

import requests

tracker = os.environ["TRACKER"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def read(address, **params):
    answer = session.get(address, params=params, timeout=30)
    answer.raise_for_status()
    return answer.json()


def follow(copy, cursor):
    """Bring the copy level with the tracker; gives the cursor from which to go on the next time."""
    more = True
    while more:
        page = read(f"{tracker}/changes/", resource="agencies", cursor=cursor)
        for change in page["results"]:
            for key in (change["was"], change["key"]):
                copy.pop(key, None)
            if change["url"]:  # null: it is gone by now
                record = read(change["url"])
                copy[record["slug"]] = record
        cursor, more = page["next_cursor"], page["more"]
    return cursor


office = {"slug": "trial-energy-office", "name_zh": "测试能源局", "name_en": "Trial Energy Office"}
session.post(f"{tracker}/agencies/", json=office, timeout=30)  # 409 where an example before has made it

cursor = read(f"{tracker}/changes/", cursor="latest")["next_cursor"]  # first the place, then the records
copy = {row["slug"]: row for row in read(f"{tracker}/agencies/", page_size=200)["results"]}
print("trial-energy-office" in copy)

office = session.get(f"{tracker}/agencies/trial-energy-office/", timeout=30)  # meanwhile another client deletes it
session.delete(office.url, headers={"If-Match": office.headers["ETag"]}, timeout=30).raise_for_status()

cursor = follow(copy, cursor)  # every few minutes; keep the cursor beside the copy
print("trial-energy-office" in copy)
