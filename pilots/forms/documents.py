"""Forms of evidence files: attaching one to a record, and removing it with a reason."""

from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.tables import search_q
from core.text import check_text
from pilots.documents import attach, readable, store_document
from pilots.forms.base import RecordErrorsMixin, page_number_field, text_area, upload_field
from pilots.models import Document

OFFERED = 12  # stored documents to choose from
OFFER_SALT = "documents.same-bytes"
OFFER_AGE = 3600  # seconds


class AttachForm(RecordErrorsMixin, forms.Form):
    """A new file, or a stored document, with page and quote, to be attached to `target`. Where the bytes of the new
    file are here already, that document is only `offered`, with the right to attach it, signed (`offer`).
    """

    offered: Document | None = None
    offer = ""

    file = upload_field(gettext_lazy("New file"))
    title = forms.CharField(
        label=gettext_lazy("Title of the new file"),
        required=False,
        max_length=300,
        validators=[check_text],
        help_text=gettext_lazy("What it is, as a reader would name it. Empty: the name of the file."),
    )
    is_public = forms.BooleanField(
        label=gettext_lazy("Public: everybody who reads the site may download the new file"), required=False
    )
    document = forms.ModelChoiceField(
        Document.objects.none(),
        label=gettext_lazy("Or a file that is here already"),
        required=False,
        widget=forms.RadioSelect,
    )
    same = forms.CharField(required=False, widget=forms.HiddenInput)  # signed: a document whose bytes the user has sent
    page_number = page_number_field(
        label=pgettext_lazy("of a document", "Page"), help_text=gettext_lazy("The page on which it stands, from 1.")
    )
    quote = text_area(
        gettext_lazy("Quote"), gettext_lazy("The words that show it."), max_length=500, rows=3, validators=[check_text]
    )

    def __init__(self, *args: Any, user: Any, target: Any, words: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.target = user, target
        field: Any = self.fields["document"]
        field.queryset = readable(user, Document.objects.all())
        offered = field.queryset.filter(search_q(words[:100], ["title", "doc_number", "file_name"]))[:OFFERED]
        field.choices = [("", _("none of these")), *((item.pk, str(item)) for item in offered)]

    def clean(self) -> None:
        """Require one document: a new file, a stored one, or the one whose bytes were sent before."""
        file, document, same = map(self.cleaned_data.get, ("file", "document", "same"))
        if file and document:
            self.add_error("file", _("Choose a new file or one that is here, not both."))
        elif not (file or document or same or self.errors):
            self.add_error("file", _("Choose a file."))

    def clean_same(self) -> Document | None:
        """Return the document of an offer to this user; None for another's, or one that is too old."""
        try:
            key, user = signing.loads(self.cleaned_data["same"], salt=OFFER_SALT, max_age=OFFER_AGE)
        except signing.BadSignature:
            return None
        return Document.objects.filter(pk=key).first() if user == self.user.pk else None

    def write(self) -> None:
        values = self.cleaned_data
        document, is_new = values["same"] or values["document"], True
        if document is None:
            new = {name: values[name] for name in ("title", "is_public")}
            document, is_new = store_document(values["file"], by=self.user, **new)
        if not is_new:
            self.offered, self.offer = document, signing.dumps([document.pk, self.user.pk], salt=OFFER_SALT)
            return
        where = {name: values[name] for name in ("page_number", "quote")}
        attach(document, self.target, by=self.user, held=values["same"] is not None, **where)


class RemoveForm(forms.Form):
    """The reason for removing an attachment."""

    removed_reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        validators=[check_text],
        help_text=gettext_lazy("Kept in the history. The file stays and can be attached again."),
    )
