"""The process that writes while stale answers are hunted for: see tests/core/caching/stale_cache_hunt.py."""

import json
import random
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Token  # noqa: E402
from pilots.models import Indicator, Pilot, Reading, Target  # noqa: E402
from policies.models import Agency, Industry, Measure, Province, ProvincialPlan, Source  # noqa: E402

NOTE_MODELS = [Pilot, Province, ProvincialPlan, Measure, Industry, Target]


def random_record(chance: random.Random, model: type) -> object:
    return chance.choice(list(model.objects.order_by("pk")[:30]))


def write_by_save(chance: random.Random) -> None:
    record = random_record(chance, chance.choice([model for model in NOTE_MODELS if model.objects.exists()]))
    record.note = f"saved {chance.random()}"
    record.save()


def write_by_update(chance: random.Random) -> None:
    chance.choice(NOTE_MODELS).objects.update(note_en=f"updated {chance.random()}")


def write_by_bulk(chance: random.Random) -> None:
    pilot, indicator = random_record(chance, Pilot), random_record(chance, Indicator)
    taken = set(Reading.objects.filter(pilot=pilot, indicator=indicator).values_list("period", flat=True))
    periods = [str(year) for year in range(1950, 2026) if str(year) not in taken][-5:]
    day = date(2026, 3, 1)
    Reading.objects.bulk_create(
        Reading(
            pilot=pilot,
            indicator=indicator,
            period=period,
            value=Decimal(chance.randrange(1, 10**6)),
            reported_on=day,
            accepted_on=day,
            state="accepted",
        )
        for period in periods
    )


def write_links(chance: random.Random) -> None:
    pilot = random_record(chance, Pilot)
    pilot.industries.set(chance.sample(list(Industry.objects.all()), 2))
    pilot.sources.set(chance.sample(list(Source.objects.all()), 2))


def write_by_delete(chance: random.Random) -> None:
    if Reading.objects.count() > 20:
        Reading.objects.filter(pk__in=list(Reading.objects.values_list("pk", flat=True)[:10])).delete()
    number = chance.randrange(10**9)
    Agency.objects.create(slug=f"a-{number}", name_zh=f"部门{number}", name_en=f"Agency {number}")


def write_by_raw_sql(chance: random.Random) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pilots_pilot SET name_en = %s WHERE slug = 'huzhou'", [f"Raw {chance.random()}"])


def write_and_roll_back(chance: random.Random) -> None:
    """Write in a transaction that is rolled back, and in a savepoint that is."""
    with transaction.atomic():
        write_by_update(chance)
        transaction.set_rollback(True)
    with transaction.atomic():
        write_by_raw_sql(chance)
        with transaction.atomic():
            write_by_save(chance)
            transaction.set_rollback(True)


def write_in_long_transaction(chance: random.Random) -> None:
    """Run several statements in one transaction, with pauses for readers."""
    with transaction.atomic():
        write_by_raw_sql(chance)
        write_by_update(chance)
        list(Pilot.objects.all())
        write_by_bulk(chance)


def write_session(chance: random.Random) -> None:
    """Write a session, which no response depends on."""
    User.objects.filter(username="admin").update(last_login=timezone.now())
    Token.objects.update(last_used_at=timezone.now())


def write_unrelated(chance: random.Random) -> None:
    """Write a record that most of the responses do not depend on."""
    Source.objects.filter(pk=random_record(chance, Source).pk).update(publisher=f"Publisher {chance.random()}")


WRITE_KINDS: dict[str, Callable[[random.Random], None]] = {
    "save": write_by_save,
    "update": write_by_update,
    "bulk": write_by_bulk,
    "links": write_links,
    "delete": write_by_delete,
    "raw": write_by_raw_sql,
    "undone": write_and_roll_back,
    "open": write_in_long_transaction,
    "sign-in": write_session,
    "elsewhere": write_unrelated,
}

for line in sys.stdin:
    kind, seed = json.loads(line)
    try:
        WRITE_KINDS[kind](random.Random(seed))  # noqa: S311  # to be repeated, not to be secret
        print("done", flush=True)  # noqa: T201
    except Exception as exc:  # reported to the parent process, which exits
        print(f"{type(exc).__name__}: {exc}", flush=True)  # noqa: T201
