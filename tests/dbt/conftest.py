from __future__ import annotations

import shutil

import pytest

from tests.fixtures_dbt import Shop

BROKEN_MODEL = "select no_such_column from {{ ref('orders') }}"

WARNING_TEST = """
{{ config(severity='warn') }}
select customer_id from {{ ref('customers') }} where order_count = 0
"""

EXTRA_YAML = """
version: 2

unit_tests:
  - name: only_completed_orders_count
    model: daily_revenue
    given:
      - input: ref('orders')
        rows:
          - {order_id: 1, customer_id: 1, ordered_on: 2026-04-01, status: completed, amount: 10}
          - {order_id: 2, customer_id: 1, ordered_on: 2026-04-01, status: cancelled, amount: 99}
    expect:
      rows:
        - {order_count: 1, revenue: 10}

sources:
  - name: web
    schema: raw
    tables:
      - name: old_orders
        identifier: raw_orders
        loaded_at_field: "timestamp '2000-01-01 00:00:00'"
        config:
          freshness:
            error_after: {count: 1, period: day}
"""


@pytest.fixture(scope="session")
def troubled_shop(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A run with a model that does not build, one that waits for it, a warning, a unit test and a stale source."""
    troubled = Shop(tmp_path_factory.mktemp("troubled") / "root")
    shutil.copytree(shop.root, troubled.root)
    models = troubled.project_dir / "models"
    (models / "broken.sql").write_text(BROKEN_MODEL)
    (models / "after_broken.sql").write_text("select * from {{ ref('broken') }}")
    (models / "_extra.yml").write_text(EXTRA_YAML)
    (troubled.project_dir / "tests" / "every_customer_has_ordered.sql").write_text(WARNING_TEST)
    freshness = troubled.dbt("source", "freshness")
    assert freshness.returncode == 1, freshness.stdout
    build = troubled.dbt("build", "--select", "orders+", "broken", "after_broken")
    assert build.returncode == 1, build.stdout
    return troubled
