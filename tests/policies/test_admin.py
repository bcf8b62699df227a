"""Admin of policies and plans: edits are visible in all numbers at once."""

from datetime import date

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from policies.models import Industry, Measure, PlanStatus, Policy, Province, ProvincialPlan, Source
from policies.rollout import build_rollout
from tests import factories as make
from tests.support.admin_forms import form_errors, page_url, save, save_new
from tests.support.api_client import client_with_token
from tests.support.imports import dry_run_of, errors_of
from tests.support.sign_in import staff_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def province() -> Province:
    return make.province(slug="zhejiang", name_zh="浙江省", name_en="Zhejiang", gb_code="330000")


@pytest.fixture
def policy() -> Policy:
    return make.policy(slug="plan-2022", issued_on=date(2022, 6, 10))


@pytest.fixture
def source() -> Source:
    return Source.objects.create(title="浙江省减污降碳协同创新区建设实施方案", publisher="浙江省生态环境厅")


def test_an_edit_of_a_plan_moves_the_rollout_at_once(admin_client: Client, policy: Policy, province: Province) -> None:
    make.province(name_en="Jiangsu")
    save_new(admin_client, ProvincialPlan, policy=policy.pk, province=province.pk, status="unknown")
    assert build_rollout(policy, date(2024, 1, 1)).issued == 0

    plan = ProvincialPlan.objects.get()
    answer = save(admin_client, plan, status="issued", issued_on="2022-12-05")
    assert answer.status_code == 302
    before, after = build_rollout(policy, date(2022, 12, 4)), build_rollout(policy, date(2022, 12, 5))
    assert (before.issued, after.issued, after.roster, after.dated) == (0, 1, 2, 1)
    assert list(after.lags) == [178]


def test_a_plan_is_repealed_by_one_day_and_replaced_by_a_second_record(
    admin_client: Client, policy: Policy, province: Province
) -> None:
    """Faults are named at the field, with the remedy: a second plan in force, days that overlap, days out of order."""
    plan = make.plan(policy, province, issued_on=date(2022, 12, 5))
    new = {"policy": policy.pk, "province": province.pk, "status": "issued", "issued_on": "2024-03-01"}
    assert form_errors(save_new(admin_client, ProvincialPlan, **new)) == {
        "province": [
            (
                "This province already has a record for this policy: change that one, or give there the day on which "
                "it was repealed."
            )
        ]
    }
    order = ["Repealed before it was issued. Check both days."]
    for changes, errors in (
        ({"repealed_on": "2022-12-04"}, {"repealed_on": order}),
        ({"repealed_on": "2098-01-01"}, {"repealed_on": ["This day lies ahead. Enter a day up to today."]}),
        (
            {"status": "repealed"},
            {"repealed_on": ["A repealed plan, and only such a one, has the day from which it is no longer in force."]},
        ),
    ):
        assert form_errors(save(admin_client, plan, **changes)) == errors
    assert save(admin_client, plan, repealed_on="2024-03-01").status_code == 302
    plan.refresh_from_db()
    assert (plan.status, plan.repealed_on) == ("repealed", date(2024, 3, 1))
    overlap = f"In force at the same time as record {plan.pk} of this province. Check the days of both."
    assert form_errors(save_new(admin_client, ProvincialPlan, **{**new, "issued_on": "2024-02-29"})) == {
        "known_issued_by": [overlap]
    }
    assert save_new(admin_client, ProvincialPlan, **new).status_code == 302
    second = ProvincialPlan.objects.exclude(pk=plan.pk).get()
    assert form_errors(save(admin_client, plan, repealed_on="2024-03-02")) == {
        "repealed_on": [overlap.replace(str(plan.pk), str(second.pk))]
    }
    assert form_errors(save(admin_client, plan, status="issued", repealed_on="")).keys() == {"province"}
    assert {row.status for row in ProvincialPlan.objects.all()} == {"repealed", "issued"}
    with pytest.raises(IntegrityError), transaction.atomic():
        make.plan(policy, province)
    assert admin_client.get(page_url(policy, "missing_plans")).context["provinces"] == []


def test_the_missing_provinces_are_added_once_and_as_unknown(admin_client: Client, policy: Policy) -> None:
    first, second = make.province(), make.province(name_en="Jiangsu")
    make.province(name_en="Hong Kong", in_roster=False, region="", kind="sar")
    make.plan(policy, first)
    address = page_url(policy, "missing_plans")
    assert [str(item) for item in admin_client.get(address).context["provinces"]] == ["Jiangsu"]
    assert ProvincialPlan.objects.count() == 1

    for _time in range(2):
        admin_client.post(address, {"change_reason": "Roster complete"})
    added = ProvincialPlan.objects.exclude(province=first).get()
    assert (added.province, added.status) == (second, PlanStatus.UNKNOWN)
    entry = added.history.get()
    assert (entry.history_type, entry.history_change_reason, entry.history_user.username) == (
        "+",
        "Roster complete",
        "admin",
    )
    assert build_rollout(policy, date(2024, 1, 1)).issued == 1


def test_the_missing_provinces_want_the_permission_to_add_plans(policy: Policy) -> None:
    make.province()
    client = staff_client("change_policy", "view_policy")
    assert client.post(page_url(policy, "missing_plans")).status_code == 403
    assert not ProvincialPlan.objects.exists()


def test_what_is_in_use_is_not_deleted(
    admin_client: Client, policy: Policy, province: Province, source: Source
) -> None:
    plan = make.plan(policy, province)
    plan.sources.add(source)
    industry = Industry.objects.create(slug="steel", name_zh="钢铁")
    Measure.objects.create(slug="m", field="industry", title_zh="措施").industries.add(industry)
    for record, user in [(policy, plan), (province, plan), (source, plan), (industry, Measure.objects.get())]:
        address = page_url(record, "delete")
        answer = admin_client.post(address, {"post": "yes"})
        assert answer.status_code == 200
        assert page_url(user) in answer.text
        listing = reverse(f"admin:policies_{record._meta.model_name}_changelist")
        admin_client.post(listing, {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"})
        record.refresh_from_db()


@pytest.mark.parametrize(
    "text", ["2026-03-05", "2026/3/5", "2026.3.5", "2026年3月5日", "20260305", "２０２６年３月５日"]
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_form_reads_the_dates_that_the_import_reads(admin_client: Client, text: str, language: str) -> None:
    admin_client.cookies["language"] = language
    answer = save_new(admin_client, Policy, title_zh="方案", slug="plan", issued_on=text)
    assert answer.status_code == 302
    assert Policy.objects.get(slug="plan").issued_on == date(2026, 3, 5)


def test_a_renamed_province_is_found_by_its_former_names(
    admin_client: Client, policy: Policy, province: Province
) -> None:
    """In files, in the API and at its old address, which leads to the new one; unless another has the name now."""
    make.province(slug="jiangsu", name_zh="江苏省", name_en="Zhejian", short_zh="江苏")  # what would be suggested
    answer = save(admin_client, province, slug="new-home", name_zh="新省", name_en="New Home")
    assert answer.status_code == 302
    province.refresh_from_db()
    assert province.former_names == "zhejiang\n浙江省\nZhejiang"
    assert province.history.first().former_names == province.former_names

    heads = ["policy", "province", "status"]
    for word in ("浙江省", "zhejiang", "ZHEJIANG", "new-home"):
        plan = dry_run_of("plans", heads, [policy.slug, word, "unknown"])
        assert (errors_of(plan), plan.rows[0].record.province) == ([], province)
    api = client_with_token(User.objects.get(username="admin"))
    sent = api.send("POST", "/api/v1/plans/", {"policy": policy.slug, "province": "zhejiang", "status": "unknown"})
    assert (sent.status_code, sent.json()["province"]["slug"]) == (201, "new-home")
    assert api.send("GET", "/api/v1/provinces/zhejiang/").json()["slug"] == "new-home"
    for query in ("province=zhejiang", "province=new-home", "province__in=zhejiang,jiangsu"):
        assert api.send("GET", f"/api/v1/plans/?{query}").json()["count"] == 1
        assert api.send("GET", "/api/v1/plans/?province=jiangsu").json()["count"] == 0
    moved = admin_client.get("/provinces/zhejiang/?as_of=2024-01-01&lang=en")
    assert (moved.status_code, moved["Location"]) == (301, "/provinces/new-home/?as_of=2024-01-01&lang=en")
    assert admin_client.get("/provinces/zhejiang-2/").status_code == 404

    other = make.province(slug="zhejiang", name_zh="浙江省", name_en="Other")
    assert dry_run_of("plans", heads, [policy.slug, "浙江省", "unknown"]).rows[0].record.province == other
    assert api.send("GET", "/api/v1/provinces/zhejiang/").json()["name_en"] == "Other"
    assert admin_client.get("/provinces/zhejiang/").status_code == 200
    save(admin_client, province, name_zh="旧省", name_en="Zhejiang")  # a name that it has again is no former one
    province.refresh_from_db()
    assert province.former_names == "zhejiang\n浙江省\n新省\nNew Home"
