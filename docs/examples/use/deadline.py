import os
from datetime import date, timedelta

import requests

tracker = os.environ["TRACKER"]
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}

later = (date.today() + timedelta(60)).isoformat()
decision = {"pilot": "huzhou", "year": date.today().year - 1, "due_on": later, "reason": "The census is late"}
answer = requests.post(f"{tracker}/deadlines/", json=decision, headers=headers, timeout=30)
print(answer.status_code, answer.json()["pilot"]["slug"], answer.json()["indicator"])

decision["due_on"] = (date.today() - timedelta(1)).isoformat()  # no day before the decision
answer = requests.post(f"{tracker}/deadlines/", json=decision, headers=headers, timeout=30)
print(answer.status_code, [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]])
