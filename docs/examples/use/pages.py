import os

import requests

tracker = os.environ["TRACKER"]


def rows(address, **params):
    """Every row of a list, page by page."""
    while address:
        answer = requests.get(address, params=params, timeout=30)
        answer.raise_for_status()
        page = answer.json()
        yield from page["results"]
        address, params = page["next"], {}


parks = list(rows(f"{tracker}/pilots/", kind="park", region__in="east,north", page_size=5))
print(len(parks), "parks in", sorted({park["province"]["slug"] for park in parks}))
