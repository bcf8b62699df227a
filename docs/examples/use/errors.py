import os

import requests

answer = requests.get(os.environ["TRACKER"] + "/pilots/", params={"provnce": "zhejiang"}, timeout=30)
problem = answer.json()
print(problem["status"], problem["title"])
for fault in problem["errors"]:
    print(fault["pointer"], fault["code"], fault["message"])
