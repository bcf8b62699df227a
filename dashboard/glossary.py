"""Glossary of all numbers, in the user's language: shown on /data/ and linked from every number."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class GlossaryEntry:
    code: str
    name: str | Promise
    meaning: str | Promise


GLOSSARY = (
    GlossaryEntry(
        "roster",
        _("Roster"),
        _(
            "The 32 units that the programme covers: 31 provinces and the Xinjiang corps. It is the denominator of "
            "every rollout number, whether a record exists for a unit or not."
        ),
    ),
    GlossaryEntry(
        "as-of",
        _("As of a day"),
        _(
            "Every number is given for a day. It counts what had happened by then, as far as is known today; "
            "it does not show what the records said on that day."
        ),
    ),
    GlossaryEntry(
        "known-by",
        _("Latest date"),
        _(
            "The latest day by which a document is known to exist: its day of issue, the last day of the month or "
            "year when only that is known, or the day on which another document cites it."
        ),
    ),
    GlossaryEntry(
        "rollout",
        _("Rollout progress"),
        _(
            "Provinces of the roster whose plan is recorded as issued and known by the day, divided by the roster. "
            "“Not found” (a search found none) and “unknown” (no search was made) are kept apart; neither "
            "counts as issued."
        ),
    ),
    GlossaryEntry(
        "dated",
        _("Date known, and only a latest date"),
        _(
            "Of the issued plans: those whose full date of issue is known, and the others, "
            "which may have been issued earlier than the day by which they are known."
        ),
    ),
    GlossaryEntry(
        "adoption",
        _("Adoption curve"),
        _(
            "Rollout progress day by day, drawn as steps: a plan counts from the day by which it is known. "
            "The thin line counts only plans with a known day of issue."
        ),
    ),
    GlossaryEntry(
        "lag",
        _("Lag"),
        _(
            "Days from the national document to a province’s plan, only where both days are known exactly. "
            "The national day is the day of issue, or of publication where the day of issue is not known. "
            "Median and P90 count these plans only; P90 is interpolated between neighbours."
        ),
    ),
    GlossaryEntry(
        "recorded",
        _("Announced and recorded"),
        _(
            "Announced: the number that the announcement of a batch gives. Recorded: the pilots entered here by name. "
            "Firm: read in an official text or the press. Inferred: read from other documents, to be verified. "
            "Announced = recorded + withdrawn + still to enter, which is never below 0; no data where no number was "
            "announced."
        ),
    ),
    GlossaryEntry(
        "pilots",
        _("Pilots"),
        _(
            "Pilots whose batch is known by the day and that have not withdrawn. A park inside a pilot city is a pilot "
            "of its own, but its tonnes are left out of sums beside its city. A city on a national and a provincial "
            "list is two entries."
        ),
    ),
    GlossaryEntry(
        "coverage",
        _("Sector coverage"),
        _(
            "For each industry: the pilots whose own documents name it, and the provinces of the roster with at least "
            "one of them, divided by the roster. A pilot may name several industries."
        ),
    ),
    GlossaryEntry(
        "gap",
        _("Gap"),
        _(
            "A priority industry that no recorded pilot names. Priority: named in the notice of the first batch, or an "
            "ultra-low emission sector. A gap is claimed only where at least 80 % of the announced "
            "pilots are recorded and "
            "name an industry; a pilot that is announced but not recorded may close it."
        ),
    ),
    GlossaryEntry(
        "confidence",
        _("Confidence"),
        _(
            "official: the issuer’s own page or text; press: a report or reprint; inferred: read from other documents "
            "and marked wherever it is shown."
        ),
    ),
    GlossaryEntry(
        "figure-state",
        _("State of a published figure"),
        _(
            "verified: held against the issuer’s own text; unverified: read in the press; disputed: sources disagree, "
            "and both readings are shown."
        ),
    ),
    GlossaryEntry(
        "stage",
        _("Stage, and days in it"),
        _(
            "The last of the ten stages that a pilot had entered by the day, or a side state (rectifying, "
            "withdrawn). Days count from the day of entry, which is day 0. A stage passed over says why. The stages "
            "up to the plan, and promotion, follow published documents; implementation and the two evaluations are "
            "this system’s own."
        ),
    ),
    GlossaryEntry(
        "funnel",
        _("Stage funnel"),
        _(
            "Pilots that stand at each stage on the day, and how many are at or past it, of those in the programme. "
            "A stay is long beyond the days within which nine in ten of the pilots that have left the stage left it, "
            "where at least five have. Withdrawn pilots are left out; those without any stage on record stay in the "
            "denominator and are counted as not on record."
        ),
    ),
    GlossaryEntry(
        "stage-time",
        _("Time in stage"),
        _(
            "Days from entering a stage to entering the next one on record. The median counts pilots that have moved "
            "on; those still in the stage are shown with their days so far."
        ),
    ),
    GlossaryEntry(
        "same-age",
        _("Batches at the same age"),
        _(
            "Each pilot is looked at so many days after the day it was listed, so that a later batch is not held "
            "against one that had more time. Pilots younger than that, or without a known day of listing, are left "
            "out and counted."
        ),
    ),
    GlossaryEntry(
        "list-to-plan",
        _("From list to plan"),
        _(
            "Days from a pilot’s listing to the issue of its plan, only where both days are known. "
            "A pilot without a plan shows the days so far and does not enter the median. Source of the idea: the "
            "programme’s own chain of documents; no national limit has been found."
        ),
    ),
    GlossaryEntry(
        "light",
        _("Light of a pilot"),
        _(
            "The worst binding item, never an average. Red: a binding indicator or a key milestone is red. Yellow: a "
            "binding indicator or any milestone is yellow, or another item red. Grey: no value accepted for the last "
            "year due. Else green. Every light lists its reasons. This system’s own convention, version 1."
        ),
    ),
    GlossaryEntry(
        "on-track",
        _("Binding targets on the path"),
        _(
            "Binding targets whose light is green: their last accepted value is where the path to the target has to be "
            "by then, of the binding targets that can be rated. How many cannot be rated stands beside it. "
            "It says how things stand, not how they will end."
        ),
    ),
    GlossaryEntry(
        "light-override",
        _("Light set by hand"),
        _(
            "A person may set another colour for a time, with a reason and a day of expiry. It is marked wherever it "
            "is shown, and the computed colour stands beside it."
        ),
    ),
    GlossaryEntry(
        "light-change",
        _("Change of the lights"),
        _(
            "The lights of the pilots on the list today, computed for today and for the last day of the quarter "
            "before: the same pilots on both days, from what is on record now."
        ),
    ),
    GlossaryEntry(
        "light-indicator",
        _("Light of an indicator"),
        _(
            "After the rule of NDRC 2020-901: schedule met is green, missed by up to 10 % of what is due yellow, by "
            "more red; worse than the base is always red. Grey without an accepted value for the year due, or before "
            "a tenth of the way is due. A limit is held against itself. Whole years, with a tolerance of one in a "
            "thousand million."
        ),
    ),
    GlossaryEntry(
        "light-milestone",
        _("Light of a milestone"),
        _(
            "Done on time green, done late blue; overdue by up to 90 days yellow, by more red; not due yet grey. After "
            "Yinchuan 2025; the numbers of days are this system’s own convention, version 1."
        ),
    ),
    GlossaryEntry(
        "replanned",
        _("Changed plans"),
        _(
            "What decides a light and was changed after it was entered — planned days, key milestones, targets, their "
            "bases, years, steps and whether they bind, titles of key milestones, and deletions — stands beside the "
            "light with what it said at first, and so does a completion entered more than 30 days after the day it "
            "names. What the person who entered it put right on the same day does not count; on a past day, only "
            "changes made by then are shown."
        ),
    ),
    GlossaryEntry(
        "quarters",
        _("Quarters of an indicator"),
        _(
            "Amounts of a period are cumulated from the beginning of the year and held against those of the "
            "year before; shares, intensities, concentrations and what was amassed since a start are shown quarter by "
            "quarter. After a quarter without a value there is no sum. Quarters never enter lights or yearly trends."
        ),
    ),
    GlossaryEntry(
        "trend",
        _("Trend of an indicator"),
        _(
            "By year, from the accepted values of whole years. Amounts are added up, without a park beside its city; "
            "of shares the median and the range are shown; concentrations and intensities are never aggregated. "
            "How many pilots have a value stands beside it. Years are compared only by the pilots with a value in all."
        ),
    ),
    GlossaryEntry(
        "reported",
        _("Reported"),
        _(
            "Pilots with at least one accepted value for the last year due, of all on the list. The values of a year "
            "are due by 31 March of the next: this system’s own convention, no national rule has been found."
        ),
    ),
    GlossaryEntry(
        "progress",
        _("Progress, due and missing"),
        _(
            "Progress P: how much of the way from base to target is behind the pilot. Due E: the part of the years "
            "that has passed, or of the path where the target has steps. Missing: 1 − P/E, negative when ahead."
        ),
    ),
    GlossaryEntry(
        "reading-state",
        _("Accepted and not accepted values"),
        _(
            "Only accepted values feed numbers and lights. Reported and disputed ones are drawn open. A correction "
            "is a new version; the old one is kept."
        ),
    ),
    GlossaryEntry(
        "reduction",
        _("Reduction and its rate"),
        _(
            "Base less present amount, positive when less is emitted; the rate is that part of the base. Both years "
            "of one boundary and method. In sums a park is left out beside its city, and missing pilots are counted, "
            "not guessed."
        ),
    ),
    GlossaryEntry(
        "apeq",
        _("Air pollutant equivalents"),
        _(
            "Each pollutant’s tonnes over its kilograms per equivalent (SO₂ and NOx 0.95, soot 2.18, VOCs 0.95 for "
            "reference), added up, in thousand equivalents. Environmental Protection Tax Law, annex 2. Water is kept "
            "apart."
        ),
    ),
    GlossaryEntry(
        "co-control",
        _("Co-control class"),
        _(
            "From the signs of two rates, of air pollutant equivalents and of carbon: both fall, only one, or both "
            "rise. Within 0.5 % of nothing a rate is flat and nothing is judged. Co-control coordinates after Mao "
            "Xianqiang et al.; the flat band is this system’s own convention."
        ),
    ),
    GlossaryEntry(
        "elasticity",
        _("Cross-elasticity of reduction, Els"),
        _(
            "The rate of a pollutant over the rate of carbon, only where both fall: two rises would also give a "
            "positive number. From 0.8 to 1.25 balanced, above pollution-led, below carbon-led (own bands)."
        ),
    ),
    GlossaryEntry(
        "joint",
        _("Joint progress, S"),
        _(
            "The root of P_A times P_C, the progress of air pollutants and of carbon towards their own targets, each "
            "cut at 1 and −1; negative when either goes the wrong way. It rewards weak targets: read it beside the "
            "two rates. After the synergy degree of composite systems, Meng and Han."
        ),
    ),
    GlossaryEntry(
        "synergy-missing",
        _("Missing from the synergy chart"),
        _(
            "Pilots without an accepted carbon total, or any air pollutant, for both years; and those that report an "
            "intensity only, which is never set beside totals. Missing is never counted as zero."
        ),
    ),
    GlossaryEntry(
        "location-quotient",
        _("Location quotient"),
        _(
            "A region’s share of the pilots that name an industry over its share of all pilots counted; filters of "
            "the page apply. Shown where five or more pilots name the industry, five or more lie in the region, at "
            "least one does both and at least one is expected; a small sample up to five expected. Own convention, "
            "because pilots are few."
        ),
    ),
    GlossaryEntry(
        "follow-up",
        _("Follow-up"),
        _(
            "Something assigned to an agency with a due date, after a meeting or a red light. Its state on a day "
            "is that of its newest step by then: to be signed for, in progress, reported, closed or withdrawn. "
            "Steps are only ever added. Open: not closed and not withdrawn. Who verifies it is neither who is "
            "responsible nor who reported it."
        ),
    ),
    GlossaryEntry(
        "overdue",
        _("Overdue, and days late"),
        _(
            "A follow-up that its owner still has to act on, with a due date before the day. The due date is the "
            "last one that was set; the first one is kept, and how often it was extended is said. Days late: the "
            "day less the due date. One that is reported waits for its verifier: it is to be verified, not "
            "overdue."
        ),
    ),
    GlossaryEntry(
        "closed-in-time",
        _("Closed in time"),
        _(
            "Of the follow-ups closed on the day: those whose verified report came on or before the due date that"
            " was in force when it came."
        ),
    ),
    GlossaryEntry(
        "returned",
        _("Returned, and median days"),
        _(
            "Return rate: follow-ups returned at least once, of those reported at least once. Median days from "
            "the opening to the first signature and to the closing count only those that came so far."
        ),
    ),
    GlossaryEntry(
        "cleared",
        _("Cleared, and not known"),
        _(
            "Of the follow-ups closed on the day that were opened for a red light: those whose light was not red "
            "on the day they were closed. Where it could not be rated on that day the answer is not known: it is "
            "counted apart and never as cleared."
        ),
    ),
    GlossaryEntry(
        "relapsed",
        _("Relapsed"),
        _(
            "Of the cleared ones: those whose light was red again on any day within 180 days after closing, up to"
            " the day shown. How many of them have not yet been watched for 180 days stands beside it."
        ),
    ),
    GlossaryEntry(
        "practice-state",
        _("States of a practice"),
        _(
            "Proposed, passed by the province, in the library of the ministry, recommended, or retired with a reason: "
            "each counts from its day on record. Those recommended are in the library as well. Only practices in the "
            "library are offered to other pilots; proposed ones are listed after them and marked."
        ),
    ),
    GlossaryEntry(
        "adoption-state",
        _("States of an adoption"),
        _(
            "A copy of a practice by a pilot, a province or a named place: planned, under way, in use, or given "
            "up with a reason. Only copies in use are counted as adopters; those planned and under way are shown "
            "apart, and those given up leave the count and stand by their reason."
        ),
    ),
    GlossaryEntry(
        "trust",
        _("Claimed, confirmed, verified"),
        _(
            "How well a copy is attested: claimed by the adopter; confirmed by the province of the origin or of "
            "the adopter, or by the ministry; verified by an effect measured with two accepted values, from the "
            "day both were accepted. A copy is counted at the highest level it has reached; the three are never "
            "added together."
        ),
    ),
    GlossaryEntry(
        "provinces-reached",
        _("Provinces reached"),
        _(
            "Provinces of the roster with at least one copy in use that is confirmed or verified, divided by the "
            "roster of 32. Provinces with nothing but claimed copies are named apart and not counted."
        ),
    ),
    GlossaryEntry(
        "adoption-curve",
        _("Spread of the practices"),
        _(
            "Copies by the day they came into use, added up, in two lines: those confirmed or verified, and those"
            " only claimed. Copies given up by the day are left out."
        ),
    ),
    GlossaryEntry(
        "first-copy",
        _("Days to the first copy elsewhere"),
        _(
            "Days from the day a practice entered the library to the day from which the first confirmed or verified "
            "copy in another province is in use; 0 where one came before. The median is given from 5 practices on."
        ),
    ),
    GlossaryEntry(
        "effect",
        _("Measured and stated effect"),
        _(
            "Measured: the change between two accepted values of one indicator, before and after. Stated: what a "
            "source says, in its own words. The two are shown apart and never mixed: a stated effect is not "
            "evidence that a copy works."
        ),
    ),
    GlossaryEntry(
        "replication-ratio",
        _("Replication ratio"),
        _(
            "The change measured at the copy, divided by the change measured at the origin, both in percent and of "
            "the same indicator. No data unless both are measured."
        ),
    ),
    GlossaryEntry(
        "practice-match",
        _("Practices for a pilot"),
        _(
            "Practices in the library or recommended, ordered by points: the same kind of pilot 1, the same type "
            "of city 1, each industry shared 1, an effect on an indicator that is red 3. The points are shown "
            "part by part. A pilot is not offered its own practices, nor those it has copied already. This "
            "system’s own convention."
        ),
    ),
    GlossaryEntry(
        "evidence",
        _("Evidence file"),
        _(
            "A file attached to a record, with the page and the words that show it. The same bytes are stored "
            "once, whatever the number of records they are attached to. A file that is removed stays on record "
            "with the reason. In a PDF with text the quoted words are looked for, and the page where they stand "
            "is said."
        ),
    ),
)
