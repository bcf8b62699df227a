"""What is missing, unverified or contradictory in the records: the rules by which a steward checks them."""

from pilots.quality.report import Chase, Quality, Result, build_quality
from pilots.quality.rules import RULES
from pilots.quality.shape import Finding, Rule, Severity

__all__ = ["RULES", "Chase", "Finding", "Quality", "Result", "Rule", "Severity", "build_quality"]
