"""Metrics at /metrics: counters of requests, and gauges read when they are asked for."""
