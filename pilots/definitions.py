"""What every number means, in the reader's language: shown on /data/, one click from wherever a number stands."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Definition:
    code: str
    name: str | Promise
    meaning: str | Promise


DEFINITIONS = (
    Definition(
        "roster",
        _("Roster"),
        _(
            "The 32 units that the programme covers: 31 provinces and the Xinjiang corps. It is the denominator of "
            "every rollout number, whether a record exists for a unit or not."
        ),
    ),
    Definition(
        "as-of",
        _("As of a day"),
        _(
            "Every number is given for a day. It counts what had happened by then, as far as is known today; "
            "it does not show what the records said on that day."
        ),
    ),
    Definition(
        "known-by",
        _("Known by"),
        _(
            "The latest day by which a document is known to exist: its day of issue, the last day of the month or "
            "year when only that is known, or the day on which another document cites it."
        ),
    ),
    Definition(
        "rollout",
        _("Rollout progress"),
        _(
            "Provinces of the roster whose plan is recorded as issued and known by the day, divided by the roster. "
            "“Not found” (somebody searched) and “unknown” (nobody has looked) are kept apart; neither "
            "counts as issued."
        ),
    ),
    Definition(
        "dated",
        _("On a known day, and only known by a day"),
        _(
            "Of the issued plans: those whose full date of issue is known, and the others, "
            "which may have been issued earlier than the day by which they are known."
        ),
    ),
    Definition(
        "adoption",
        _("Adoption curve"),
        _(
            "Rollout progress day by day, drawn as steps: a plan counts from the day by which it is known. "
            "The thin line counts only plans with a known day of issue."
        ),
    ),
    Definition(
        "lag",
        _("Lag"),
        _(
            "Days from the national document to a province’s plan, only where both days are known exactly. "
            "The national day is the day of issue, or of publication where the day of issue is not known. "
            "Median and P90 count these plans only; P90 is interpolated between neighbours."
        ),
    ),
    Definition(
        "recorded",
        _("Announced and recorded"),
        _(
            "Announced: the number that the announcement of a batch gives. Recorded: the pilots entered here by name. "
            "Firm: read in an official text or the press. Inferred: read from other documents, to be verified. "
            "Still to enter: announced minus recorded, never below 0; no data where no number was announced."
        ),
    ),
    Definition(
        "pilots",
        _("Pilots"),
        _(
            "Pilots whose batch is known by the day and that have not withdrawn. A park inside a pilot city is a pilot "
            "of its own, but its tonnes are left out of sums beside its city. A city on a national and a provincial "
            "list is two entries."
        ),
    ),
    Definition(
        "coverage",
        _("Sector coverage"),
        _(
            "For each industry: the pilots whose own documents name it, and the provinces of the roster with at least "
            "one of them, divided by the roster. A pilot may name several industries."
        ),
    ),
    Definition(
        "gap",
        _("Gap"),
        _(
            "A priority industry that no recorded pilot names. Priority: named in the notice of the first batch, or an "
            "ultra-low emission sector. A pilot that is announced but not recorded may close a gap."
        ),
    ),
    Definition(
        "confidence",
        _("Confidence"),
        _(
            "official: the issuer’s own page or text; press: a report or reprint; inferred: read from other documents "
            "and marked wherever it is shown."
        ),
    ),
    Definition(
        "figure-state",
        _("State of a published figure"),
        _(
            "verified: held against the issuer’s own text; unverified: read in the press; disputed: sources disagree, "
            "and both readings are shown."
        ),
    ),
)
