import os

import requests

plans = os.environ["TRACKER"] + "/plans/"
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
session.headers["X-Change-Reason"] = "Yearly check"

found = session.get(plans, params={"province__in": "hebei,henan"}, timeout=30).json()["results"]
noted = [{"id": plan["id"], "revision": plan["revision"], "note": "Checked in June"} for plan in found]
answer = session.patch(plans, json=noted, timeout=30)
print(answer.status_code, [(plan["province"]["slug"], plan["revision"]) for plan in answer.json()])

wrong = [{"id": plan["id"], "revision": plan["revision"], "note": ""} for plan in answer.json()]
wrong[1]["status"] = "isued"  # one mistake, and nothing at all is written
answer = session.patch(plans, json=wrong, timeout=30)
print(answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]])
