"""The job that mails links to a new password, so that the page answers alike for known and unknown addresses."""

from __future__ import annotations

from smtplib import SMTPException

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_tasks import task

from core.jobs.queue import JobFailed


@task
def mail_password_links(*, users: list[int], language: str) -> None:
    """Mail each of these users, in the language of who asked, a link that works once."""
    with override(language):
        for user in get_user_model()._default_manager.filter(pk__in=users, is_active=True):
            context = {
                "user": user,
                "site": settings.SITE_URL,
                "uid": user_pk_to_url_str(user),
                "token": default_token_generator.make_token(user),
            }
            subject = render_to_string("account/reset_subject.txt", context).strip()
            try:
                send_mail(subject, render_to_string("account/reset_email.txt", context), None, [user.email])
            except (OSError, SMTPException) as exc:
                text = _("The mail server failed: %(error)s. Ask for the link again once it works.")
                raise JobFailed(text % {"error": exc}) from exc
