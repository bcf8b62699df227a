"""`manage.py remind` against a real mail server, by two processes at once."""

import asyncio
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings

from tests.support.databases import Database
from tests.support.live_server import migrated_database, run_command, server_environment

pytestmark = [pytest.mark.process, pytest.mark.django_db]
PEOPLE, MILESTONES = 20, 5
RECORDS = f"""
from datetime import date
from accounts.models import Officer, Role
from django.contrib.auth.models import User
from tests import factories as make
pilot = make.pilot(make.batch(), make.province(name_en="Jia Province"), name_en="Pilot City")
make.reading(pilot, make.indicator("AIR_A"), "2025", 1)
for number in range({PEOPLE}):
    user = User.objects.create_user(f"editor-{{number}}", f"editor-{{number}}@example.org")
    Officer.objects.create(user=user, role=Role.PROVINCIAL_EDITOR, province=pilot.province)
for number in range({MILESTONES}):
    make.milestone(pilot, date(2026, 6, 15), title_en=f"Step {{number}}", title_zh="锅炉更新")
"""


class MailServer:
    """Handler of a mail server: it keeps what it takes, and holds all until `waits_for` clients are there."""

    def __init__(self, port: int) -> None:
        self.taken: list[EmailMessage] = []
        self.clients: set[tuple[str, int]] = set()
        self.waits_for, self.port = 1, port
        self.all_there = asyncio.Event()

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        self.clients.add(session.peer)
        if len(self.clients) >= self.waits_for:
            self.all_there.set()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.wait_for(self.all_there.wait(), 60)
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"


@pytest.fixture
def database(tmp_path: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[Database]:
    with django_db_blocker.unblock(), migrated_database(tmp_path) as found:
        run_command(tmp_path, found.url, "manage.py", "shell", "-v", "0", "-c", RECORDS)
        yield found


@pytest.fixture
def server() -> Iterator[MailServer]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        handler = MailServer(held.getsockname()[1])
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


def start_remind(home: Path, database: Database, server: MailServer, at: str) -> subprocess.Popen[str]:
    more = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}", "SITE_URL": "https://tracker.example.org"}
    return subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "manage.py", "remind", "--at", at],
        cwd=settings.BASE_DIR,
        env=server_environment(home, database.url, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_send_200_steps_once(tmp_path: Path, database: Database, server: MailServer) -> None:
    """Both are there before the first mail is taken; each of 20 users gets one mail about 10 steps."""
    server.waits_for = 2
    running = [start_remind(tmp_path, database, server, "2026-06-08 09:00") for _process in range(2)]
    done = [process.communicate(timeout=300) for process in running]
    sent = [int(out.split()[0]) for out, _err in done]
    assert sum(sent) == PEOPLE, done
    assert min(sent) > 0
    assert Counter(str(mail["To"]) for mail in server.taken) == {f"editor-{n}@example.org": 1 for n in range(PEOPLE)}
    assert len({mail["Message-ID"] for mail in server.taken}) == PEOPLE
    query = "SELECT COUNT(*) FROM dashboard_told WHERE thing <> 'digest'"
    assert database.run(query) == [(PEOPLE * MILESTONES * 2,)]
    again, _err = start_remind(tmp_path, database, server, "2026-06-08 09:15").communicate(timeout=300)
    assert again == "Nothing to send: nobody waits for a digest.\n"
    assert len(server.taken) == PEOPLE
