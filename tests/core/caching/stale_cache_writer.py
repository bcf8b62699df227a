"""The process that writes while stale answers are hunted for: see tests/core/caching/stale_cache_hunt.py."""

import json
import random
import sys
from collections.abc import Callable

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from pilots.models import Pilot, Target  # noqa: E402
from policies.models import Industry, Measure, Province, ProvincialPlan, Source  # noqa: E402

NOTE_MODELS = [Pilot, Province, ProvincialPlan, Measure, Industry, Target]


def random_record(chance: random.Random, model: type) -> object:
    return chance.choice(list(model.objects.order_by("pk")[:30]))


def write_by_save(chance: random.Random) -> None:
    record = random_record(chance, chance.choice([model for model in NOTE_MODELS if model.objects.exists()]))
    record.note = f"saved {chance.random()}"
    record.save()


def write_by_update(chance: random.Random) -> None:
    chance.choice(NOTE_MODELS).objects.update(note_en=f"updated {chance.random()}")


def write_links(chance: random.Random) -> None:
    pilot = random_record(chance, Pilot)
    pilot.industries.set(chance.sample(list(Industry.objects.all()), 2))
    pilot.sources.set(chance.sample(list(Source.objects.all()), 2))


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


WRITE_KINDS: dict[str, Callable[[random.Random], None]] = {
    "save": write_by_save,
    "update": write_by_update,
    "links": write_links,
    "raw": write_by_raw_sql,
    "undone": write_and_roll_back,
    "open": write_in_long_transaction,
}

for line in sys.stdin:
    kind, seed = json.loads(line)
    try:
        WRITE_KINDS[kind](random.Random(seed))  # noqa: S311  # to be repeated, not to be secret
        print("done", flush=True)  # noqa: T201
    except Exception as exc:  # reported to the parent process, which exits
        print(f"{type(exc).__name__}: {exc}", flush=True)  # noqa: T201
