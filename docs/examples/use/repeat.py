import os
import uuid

import requests

agencies = os.environ["TRACKER"] + "/agencies/"
agency = {"slug": "trial-energy-office", "name_zh": "测试能源局", "name_en": "Trial Energy Office"}
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Idempotency-Key": str(uuid.uuid4())}

for _attempt in range(2):  # as after an answer that never arrived
    answer = requests.post(agencies, json=agency, headers=headers, timeout=30)
    print(answer.status_code, answer.json()["slug"], answer.headers.get("Idempotent-Replayed", "new"))
