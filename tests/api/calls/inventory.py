"""Every call of ours, once, with arguments that are good enough to send."""

from __future__ import annotations

import io
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api._core.send import password_login
from dot_provider.api.connections import catalog, connections, sync, tables
from dot_provider.api.conversations import add_labels, conversation, post_follow_up, post_question
from dot_provider.api.dbt import dbt_exposures, dbt_exposures_yaml, post_dbt_run
from dot_provider.api.environments import (
    create_environment,
    delete_environment,
    environment_conflicts,
    environment_diff,
    environments,
    merge_environment,
    propose_environment,
    set_environment_targets,
    sync_environment_target,
    update_environment_from_production,
)
from dot_provider.api.evaluations import evaluation_run, start_evaluation_run
from dot_provider.api.external_assets import (
    ExternalAsset,
    delete_external_asset,
    import_external_asset,
    list_external_assets,
)
from dot_provider.api.history import download_history, export_history
from dot_provider.api.incidents import report_incidents
from dot_provider.api.notes import create_note, notes, organization, save_organization_note, update_note
from dot_provider.api.users import (
    add_user_to_group,
    change_user_role,
    create_user,
    delete_user,
    embedded_user_login,
    groups,
    healthcheck,
    remove_user_from_group,
    send_invitations,
    users,
    whoami,
)

CALLS: list[Call[Any]] = [
    whoami(),
    healthcheck(),
    password_login("me@shop.example", "hunter2"),
    embedded_user_login("ada@shop.example"),
    sync("dbt", "shop"),
    connections(),
    tables(),
    list_external_assets(),
    import_external_asset(ExternalAsset("d1", "looker_dashboard", dot_description="# Revenue")),
    delete_external_asset("d1"),
    export_history("2026-11-01", "2026-11-22", include_all_workspaces=True),
    download_history("2026-11-01", "2026-11-22", io.BytesIO()),
    post_question("How many orders?", "c1", "economy"),
    post_question("How many orders?", "c1", "economy", older=True),
    post_follow_up("And last week?", "c1", "frontier"),
    post_follow_up("And last week?", "c1", older=True),
    conversation("c1"),
    add_labels("c1", ["reviewed"]),
    start_evaluation_run("e1"),
    evaluation_run("evr_1"),
    post_dbt_run({"results": [{"unique_id": "model.shop.orders", "status": "success"}]}, {"nodes": {}}),
    report_incidents("airflow", [{"table": "orders", "check": "fresh"}]),
    dbt_exposures("c1"),
    dbt_exposures_yaml(),
    notes(),
    create_note("Orders", "# Orders"),
    update_note("n1", "Orders", "# Orders"),
    organization(),
    save_organization_note("o1", "# Orders"),
    environments(),
    create_environment("staging", {"connection_id": "shop"}),
    delete_environment("env_1"),
    environment_diff("env_1"),
    environment_conflicts("env_1"),
    set_environment_targets("env_1", {"schema": "staging"}),
    sync_environment_target("env_1"),
    merge_environment("env_1"),
    propose_environment("env_1", {"title": "t"}),
    update_environment_from_production("env_1"),
    users(),
    groups(),
    send_invitations(["ada@shop.example"]),
    create_user("ada@shop.example", "hunter2", "Ada"),
    delete_user("ada@shop.example"),
    change_user_role("ada@shop.example", "modeler"),
    add_user_to_group("ada@shop.example", "finance"),
    remove_user_from_group("ada@shop.example", "finance"),
    catalog(),
]
