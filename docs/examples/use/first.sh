curl -sS --get "$TRACKER/rollout/" \
  -d policy=synergy-implementation-plan-2022 -d as_of=2024-01-30 \
  | python3 -m json.tool | grep -E '^    "(roster|issued|dated|median_lag_days)"'
