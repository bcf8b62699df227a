import os

import pandas
import requests

tracker = os.environ["TRACKER"]
answer = requests.get(
    f"{tracker}/rollout/",
    params={"policy": "synergy-implementation-plan-2022", "as_of": "2024-01-30"},
    timeout=30,
)
answer.raise_for_status()
rollout = answer.json()
print(rollout["issued"], "of", rollout["roster"], "provinces have issued a plan")

provinces = pandas.json_normalize(rollout["provinces"])
print(provinces[["province.slug", "region", "issued_on", "precision", "lag_days"]].head(3).to_string())
print(provinces.groupby("region")["lag_days"].agg(["count", "median"]).reset_index().to_string(index=False))
