"""Notes, reasons and targets in words in English and in Chinese: each goes where its language is, history included."""

import core.text.bilingual
from typing import Any

from django.db import migrations, models

from core.migrations._steps import split_text_operations
from core.migrations._steps import join_texts
from core.migrations._steps import split_texts

FACTS = ("batch", "milestone", "pilot", "reading", "stageentry", "target")
TEXTS = {
    "note": ("indicator", *FACTS),
    "reason": ("stageentry",),
    "target_text": ("target",),
}
CHECK = [core.text.bilingual.check_text]
ABOUT_FACTS = "What a careful reader must know, for example “Date of the press report”."
ABOUT_INDICATORS = "How it is measured, for example “Primary sources only; heating season included”."
ABOUT_REASONS = "Needed where a stage before it was skipped: why, for example “day of review not published”."
SAME = "The same in Chinese. Where one is empty, readers of its language see the other."
WORDS = "Only for a task in words."
WORDS_ZH = "Only for a task in words. One language is enough; readers of the other see the same."


def note(help_text: str, language: str) -> Any:
    return models.TextField(blank=True, help_text=help_text, validators=CHECK, verbose_name=f"note in {language}")


def line(help_text: str, label: str) -> Any:
    return models.CharField(blank=True, help_text=help_text, max_length=300, validators=CHECK, verbose_name=label)


def split(apps: Any, schema_editor: Any) -> None:
    each(apps, schema_editor, split_texts)


def join(apps: Any, schema_editor: Any) -> None:
    each(apps, schema_editor, join_texts)


def each(apps: Any, schema_editor: Any, texts: Any) -> None:
    for name, models_of_it in TEXTS.items():
        for model in models_of_it:
            for table in (model, f"historical{model}"):
                texts(apps.get_model("pilots", table), name, schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [("pilots", "0003_batch_short_name_and_industries"), ("policies", "0006_notes_in_two_languages")]

    operations = [
        migrations.RemoveConstraint("target", "target_text_has_words"),
        *split_text_operations(FACTS, "note", note(ABOUT_FACTS, "English"), note(SAME, "Chinese")),
        *split_text_operations(["indicator"], "note", note(ABOUT_INDICATORS, "English"), note(SAME, "Chinese")),
        *split_text_operations(
            ["stageentry"], "reason", line(ABOUT_REASONS, "reason in English"), line(SAME, "reason in Chinese")
        ),
        *split_text_operations(
            ["target"],
            "target_text",
            line(WORDS, "target in words, in English"),
            line(WORDS_ZH, "target in words, in Chinese"),
        ),
        migrations.AddConstraint(
            "target",
            models.CheckConstraint(
                condition=(
                    models.Q(("kind", "text"), _negated=True)
                    | models.Q(("target_text_en", ""), _negated=True)
                    | models.Q(("target_text_zh", ""), _negated=True)
                ),
                name="target_text_has_words",
                violation_error_message="Give the target in words.",
            ),
        ),
        migrations.RunPython(split, join),
    ]
