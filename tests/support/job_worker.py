"""Makes an import to confirm, or runs a worker that says on its output when the rows of a confirmation are written, and
commits when it is told to on its input: `prepare`, `work`."""

import sys
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from core.imports import apply  # noqa: E402
from core.imports.files import dry_run_of_file, save_dry_run  # noqa: E402
from core.imports.importer import KINDS  # noqa: E402
from tests import factories as make  # noqa: E402

ROWS = 5


def prepare(name: str) -> None:
    """Make an import that is checked, and ask for its confirmation twice, as two administrators at once may."""
    user = User.objects.create_superuser(name)
    make.batch(slug=f"batch-{name}", policy=make.policy(slug=f"policy-{name}"))
    make.province(slug=f"province-{name}")
    rows = [f"{name}-{n},{name}试点{n},city,batch-{name},province-{name}" for n in range(ROWS)]
    content = "\n".join(["code,name in Chinese,kind,batch,province", *rows]).encode()
    plan = dry_run_of_file(KINDS["pilots"], f"{name}.csv", content, by=user)
    record = save_dry_run(plan, name=f"{name}.csv", content=content, by=user)
    assert record.state == "checked", plan.errors
    for reason in ("one", "the other"):
        told = {"about": apply.subject(record), "user": user.pk, "language": "en", "record": record.pk}
        apply.change_import.enqueue(**told, action="confirm", reason=reason)


def work(*words: str) -> None:
    """Run a worker; `--impatient` is one that waits for a lock a tenth of a second, not 20."""
    if "--impatient" in words:
        options = settings.DATABASES["default"]["OPTIONS"]
        options.update({"timeout": 0.1} if "timeout" in options else {"options": "-c lock_timeout=100"})
    check = apply.check_foreign_keys

    def wait_before_the_commit(models: Any) -> None:
        check(models)
        print("written", flush=True)  # noqa: T201
        sys.stdin.readline()

    apply.check_foreign_keys = wait_before_the_commit
    call_command("worker", *(word for word in words if word != "--impatient"))


if __name__ == "__main__":
    {"prepare": prepare, "work": work}[sys.argv[1]](*sys.argv[2:])
