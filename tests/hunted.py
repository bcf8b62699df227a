"""The process that writes while stale answers are hunted for: see tests/hunting.py."""

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

from config.models import Token  # noqa: E402
from pilots.models import Indicator, Pilot, Reading, Target  # noqa: E402
from policies.models import Agency, Industry, Measure, Province, ProvincialPlan, Source  # noqa: E402

NOTED = [Pilot, Province, ProvincialPlan, Measure, Industry, Target]


def some(chance: random.Random, model: type) -> object:
    return chance.choice(list(model.objects.order_by("pk")[:30]))


def save(chance: random.Random) -> None:
    record = some(chance, chance.choice([model for model in NOTED if model.objects.exists()]))
    record.note = f"saved {chance.random()}"
    record.save()


def update(chance: random.Random) -> None:
    chance.choice(NOTED).objects.update(note_en=f"updated {chance.random()}")


def bulk(chance: random.Random) -> None:
    pilot, indicator = some(chance, Pilot), some(chance, Indicator)
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


def links(chance: random.Random) -> None:
    pilot = some(chance, Pilot)
    pilot.industries.set(chance.sample(list(Industry.objects.all()), 2))
    pilot.sources.set(chance.sample(list(Source.objects.all()), 2))


def delete(chance: random.Random) -> None:
    if Reading.objects.count() > 20:
        Reading.objects.filter(pk__in=list(Reading.objects.values_list("pk", flat=True)[:10])).delete()
    number = chance.randrange(10**9)
    Agency.objects.create(slug=f"a-{number}", name_zh=f"部门{number}", name_en=f"Agency {number}")


def raw(chance: random.Random) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pilots_pilot SET name_en = %s WHERE slug = 'huzhou'", [f"Raw {chance.random()}"])


def undone(chance: random.Random) -> None:
    """A transaction that writes, and is rolled back; a part of another that is."""
    with transaction.atomic():
        update(chance)
        transaction.set_rollback(True)
    with transaction.atomic():
        raw(chance)
        with transaction.atomic():
            save(chance)
            transaction.set_rollback(True)


def opened(chance: random.Random) -> None:
    """Several statements of one transaction, with time between them for readers."""
    with transaction.atomic():
        raw(chance)
        update(chance)
        list(Pilot.objects.all())
        bulk(chance)


def sign_in(chance: random.Random) -> None:
    """Nothing that any of the answers shows."""
    User.objects.filter(username="admin").update(last_login=timezone.now())
    Token.objects.update(last_used_at=timezone.now())


def elsewhere(chance: random.Random) -> None:
    """A fact that most of the answers do not show."""
    Source.objects.filter(pk=some(chance, Source).pk).update(publisher=f"Publisher {chance.random()}")


ORDERS: dict[str, Callable[[random.Random], None]] = {
    "save": save,
    "update": update,
    "bulk": bulk,
    "links": links,
    "delete": delete,
    "raw": raw,
    "undone": undone,
    "open": opened,
    "sign-in": sign_in,
    "elsewhere": elsewhere,
}

for line in sys.stdin:
    kind, seed = json.loads(line)
    try:
        ORDERS[kind](random.Random(seed))  # noqa: S311  # to be repeated, not to be secret
        print("done", flush=True)  # noqa: T201
    except Exception as exc:  # told to the one who hunts, which ends
        print(f"{type(exc).__name__}: {exc}", flush=True)  # noqa: T201
