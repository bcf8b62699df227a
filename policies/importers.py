"""Importers of policies and provincial plans."""

from collections.abc import Mapping

from core.imports.importer import Importer, Row
from policies.models import Policy, ProvincialPlan

PROVINCE_HEADINGS = ("省", "地区", "省区市", "所属省份")
TITLE_HEADINGS = ("文件名称", "政策名称", "方案名称", "标题")
NOTE_HEADINGS = ("说明", "备注")


class DocumentImporter(Importer):
    """Base importer of documents, whose date of issue may be partial. Headings as the ledgers of offices have them."""

    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "province": PROVINCE_HEADINGS,
        "doc_number": ("发文字号", "文件编号"),
        "issued_on": ("印发时间", "发文日期", "发文时间"),
        "title_zh": TITLE_HEADINGS,
        "agencies": ("发文机关", "发文单位", "印发部门"),
        "responsible_agency": ("牵头部门", "牵头单位", "责任部门"),
        "note_zh": NOTE_HEADINGS,
    }
    column_options: Mapping[str, Mapping[str, object]] = {"issued_on": {"precision_column": "issued_precision"}}


class PolicyImporter(DocumentImporter):
    name = "policies"
    model = Policy
    keys = (("slug",), ("doc_number",), ("title_zh",), ("title_en",))
    narrowing_fields = ("province",)  # provinces give their documents the same titles

    def clean(self, row: Row, exclude: set[str]) -> None:
        """A parent in the same file has no primary key yet: cycles are checked over all rows together."""
        parent, row.record.parent = row.record.parent, None
        try:
            super().clean(row, exclude)
        finally:
            row.record.parent = parent


class ProvincialPlanImporter(DocumentImporter):
    name = "plans"
    model = ProvincialPlan
    keys = (("policy", "province"),)
    narrowing_fields = ("repealed_on",)  # a repealed plan and the one after it are of one province
