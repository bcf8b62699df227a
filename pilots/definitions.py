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
        _("Latest date"),
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
        _("Date known, and only a latest date"),
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
            "Announced = recorded + withdrawn + still to enter, which is never below 0; no data where no number was "
            "announced."
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
            "ultra-low emission sector. A gap is claimed only where at least 80 % of the announced "
            "pilots are recorded and "
            "name an industry; a pilot that is announced but not recorded may close it."
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
    Definition(
        "stage",
        _("Stage, and days in it"),
        _(
            "The last of the ten stages that a pilot had entered by the day, or a side state (rectifying, "
            "withdrawn). Days count from the day of entry, which is day 0. A stage passed over says why. The stages "
            "up to the plan, and promotion, follow published documents; implementation and the two evaluations are "
            "this system’s own."
        ),
    ),
    Definition(
        "funnel",
        _("Stage funnel"),
        _(
            "Pilots that stand at each stage on the day, and how many are at or past it, of those in the programme. "
            "A stay is long beyond the days within which nine in ten of the pilots that have left the stage left it, "
            "where at least five have. Withdrawn pilots are left out; those without any stage on record stay in the "
            "denominator and are counted as not on record."
        ),
    ),
    Definition(
        "stage-time",
        _("Time in stage"),
        _(
            "Days from entering a stage to entering the next one on record. The median counts pilots that have moved "
            "on; those still in the stage are shown with their days so far."
        ),
    ),
    Definition(
        "same-age",
        _("Batches at the same age"),
        _(
            "Each pilot is looked at so many days after the day it was listed, so that a later batch is not held "
            "against one that had more time. Pilots younger than that, or without a known day of listing, are left "
            "out and counted."
        ),
    ),
    Definition(
        "list-to-plan",
        _("From list to plan"),
        _(
            "Days from a pilot’s listing to the issue of its plan, only where both days are known. "
            "A pilot without a plan shows the days so far and does not enter the median. Source of the idea: the "
            "programme’s own chain of documents; no national limit has been found."
        ),
    ),
    Definition(
        "light",
        _("Light of a pilot"),
        _(
            "The worst binding item, never an average. Red: a binding indicator or a key milestone is red. Yellow: a "
            "binding indicator or any milestone is yellow, or another item red. Grey: no value accepted for the last "
            "year due. Else green. Every light lists its reasons. This system’s own convention, version 1."
        ),
    ),
    Definition(
        "on-track",
        _("Binding targets on the path"),
        _(
            "Binding targets whose light is green: their last accepted value is where the path to the target has to be "
            "by then, of the binding targets that can be rated. How many cannot be rated stands beside it. "
            "It says how things stand, not how they will end."
        ),
    ),
    Definition(
        "light-override",
        _("Light set by hand"),
        _(
            "A person may set another colour for a time, with a reason and a day of expiry. It is marked wherever it "
            "is shown, and the computed colour stands beside it."
        ),
    ),
    Definition(
        "light-change",
        _("Change of the lights"),
        _(
            "The lights of the pilots on the list today, computed for today and for the last day of the quarter "
            "before: the same pilots on both days, from what is on record now."
        ),
    ),
    Definition(
        "light-indicator",
        _("Light of an indicator"),
        _(
            "After the rule of NDRC 2020-901: schedule met is green, missed by up to 10 % of what is due yellow, by "
            "more red; worse than the base is always red. Grey without an accepted value for the year due, or before "
            "a tenth of the way is due. A limit is held against itself. Whole years, with a tolerance of one in a "
            "thousand million."
        ),
    ),
    Definition(
        "light-milestone",
        _("Light of a milestone"),
        _(
            "Done on time green, done late blue; overdue by up to 90 days yellow, by more red; not due yet grey. After "
            "Yinchuan 2025; the numbers of days are this system’s own convention, version 1."
        ),
    ),
    Definition(
        "replanned",
        _("Changed plans"),
        _(
            "What decides a light and was changed after it was entered — planned days, key milestones, targets, their "
            "bases, years, steps and whether they bind, titles of key milestones, and deletions — stands beside the "
            "light with what it said at first, and so does a completion entered more than 30 days after the day it "
            "names. What the person who entered it put right on the same day does not count; on a past day, only "
            "changes made by then are told."
        ),
    ),
    Definition(
        "quarters",
        _("Quarters of an indicator"),
        _(
            "Amounts of a period are cumulated from the beginning of the year and held against those of the "
            "year before; shares, intensities, concentrations and what was amassed since a start are shown quarter by "
            "quarter. After a quarter without a value there is no sum. Quarters never enter lights or yearly trends."
        ),
    ),
    Definition(
        "reported",
        _("Reported"),
        _(
            "Pilots with at least one accepted value for the last year due, of all on the list. The values of a year "
            "are due by 31 March of the next: this system’s own convention, no national rule has been found."
        ),
    ),
    Definition(
        "progress",
        _("Progress, due and missing"),
        _(
            "Progress P: how much of the way from base to target is behind the pilot. Due E: the part of the years "
            "that has passed, or of the path where the target has steps. Missing: 1 − P/E, negative when ahead."
        ),
    ),
    Definition(
        "reading-state",
        _("Accepted and not accepted values"),
        _(
            "Only accepted values feed numbers and lights. Reported and disputed ones are drawn open. A correction "
            "is a new version; the old one is kept."
        ),
    ),
    Definition(
        "reduction",
        _("Reduction and its rate"),
        _(
            "Base less present amount, positive when less is emitted; the rate is that part of the base. Both years "
            "of one boundary and method. In sums a park is left out beside its city, and missing pilots are counted, "
            "not guessed."
        ),
    ),
    Definition(
        "apeq",
        _("Air pollutant equivalents"),
        _(
            "Each pollutant’s tonnes over its kilograms per equivalent (SO₂ and NOx 0.95, soot 2.18, VOCs 0.95 for "
            "reference), added up, in thousand equivalents. Environmental Protection Tax Law, annex 2. Water is kept "
            "apart."
        ),
    ),
    Definition(
        "co-control",
        _("Co-control class"),
        _(
            "From the signs of two rates, of air pollutant equivalents and of carbon: both fall, only one, or both "
            "rise. Within 0.5 % of nothing a rate is flat and nothing is judged. Co-control coordinates after Mao "
            "Xianqiang et al.; the flat band is this system’s own convention."
        ),
    ),
    Definition(
        "elasticity",
        _("Cross-elasticity of reduction, Els"),
        _(
            "The rate of a pollutant over the rate of carbon, only where both fall: two rises would also give a "
            "positive number. From 0.8 to 1.25 balanced, above pollution-led, below carbon-led (own bands)."
        ),
    ),
    Definition(
        "joint",
        _("Joint progress, S"),
        _(
            "The root of P_A times P_C, the progress of air pollutants and of carbon towards their own targets, each "
            "cut at 1 and −1; negative when either goes the wrong way. It rewards weak targets: read it beside the "
            "two rates. After the synergy degree of composite systems, Meng and Han."
        ),
    ),
    Definition(
        "synergy-missing",
        _("Missing from the synergy chart"),
        _(
            "Pilots without an accepted carbon total, or any air pollutant, for both years; and those that report an "
            "intensity only, which is never set beside totals. Missing is never counted as zero."
        ),
    ),
    Definition(
        "location-quotient",
        _("Location quotient"),
        _(
            "A region’s share of the pilots that name an industry over its share of all pilots counted; filters of "
            "the page apply. Shown where five or more pilots name the industry, five or more lie in the region, at "
            "least one does both and at least one is expected; a small sample up to five expected. Own convention, "
            "because pilots are few."
        ),
    ),
)
