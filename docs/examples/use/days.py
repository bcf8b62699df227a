import os

import requests

tracker = os.environ["TRACKER"]
for day in ("2022-12-31", "2023-06-30", "2023-12-31"):
    rollout = requests.get(
        f"{tracker}/rollout/",
        params={"policy": "synergy-implementation-plan-2022", "as_of": day},
        timeout=30,
    ).json()
    print(day, rollout["issued"], "of", rollout["roster"])
