"""What Airflow's providers manager registers: connection type with its form, hook, operators and links."""

from __future__ import annotations

from typing import Any


def provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of Airflow's ``provider_info.schema.json``.

    Every Airflow component calls this at start, so it imports nothing. The connection form is declared here and
    needs no Python code on Airflow 3.
    """
    return {
        "package-name": "dot-provider",
        "name": "Dot",
        "description": "Dot (getdot.ai), the AI data analyst: sync, external assets, questions, evaluations, history.",
        "integrations": [
            {"integration-name": "Dot", "external-doc-url": "https://docs.getdot.ai", "tags": ["service"]},
        ],
        "hooks": [{"integration-name": "Dot", "python-modules": ["dot_provider.hooks.dot"]}],
        "operators": [{"integration-name": "Dot", "python-modules": _modules("operators", _OPERATORS)}],
        "sensors": [{"integration-name": "Dot", "python-modules": _modules("sensors", ("answer", "evaluation"))}],
        "triggers": [{"integration-name": "Dot", "python-modules": _modules("triggers", _TRIGGERS)}],
        "task-decorators": [{"name": "dot_ask", "class-name": "dot_provider.decorators.ask.dot_ask_task"}],
        "notifications": ["dot_provider.notifications.incident.DotIncidentNotifier"],
        "extra-links": ["dot_provider.links.dot.DotLink"],
        "plugins": [{"name": "dot", "plugin-class": "dot_provider.plugins.answer.DotPlugin"}],
        "asset-uris": [
            {
                "schemes": ["dot"],
                "handler": "dot_provider.assets.sanitize_uri",
                "factory": "dot_provider.assets.create_asset",
                "to_openlineage_converter": "dot_provider.assets.openlineage_dataset",
            }
        ],
        "config": {
            "dot": {
                "description": "Dot (getdot.ai).",
                "options": {
                    "answer_tab": {
                        "description": (
                            "Whether task pages have the tab 'Dot answer': auto (from Airflow 3.1 on), always or never."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": None,
                        "default": "auto",
                    },
                },
            },
        },
        "connection-types": [
            {
                "connection-type": "dot",
                "hook-class-name": "dot_provider.hooks.dot.DotHook",
                "hook-name": "Dot",
                "ui-field-behaviour": _FIELD_BEHAVIOUR,
                "conn-fields": _CONN_FIELDS,
            }
        ],
    }


def _modules(package: str, names: tuple[str, ...]) -> list[str]:
    return [f"dot_provider.{package}.{name}" for name in names]


_TRIGGERS = ("answer", "conversations", "evaluation")
_OPERATORS = (
    *("ask", "dbt_exposures", "dbt_run", "environments", "evaluation", "external_assets", "history", "incidents"),
    *("note", "sync", "users"),
)

_FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema", "extra"],
    "relabeling": {
        "host": "Region or URL",
        "login": "User name",
        "password": "API token",
    },
    "placeholders": {
        "host": "us, eu, or https://dot.your-company.com",
        # Their form sends 0 for a port that is not set, and their server takes that for another address.
        "port": "443 (for the Test button of Airflow 3.3.0 to 3.3.2)",
        "login": "leave empty; only for a Dot without API tokens",
        "password": "from Dot's settings; of a service user",
    },
}

_CONN_FIELDS: dict[str, Any] = {
    "environment": {
        "label": "Environment",
        "description": "Id of the Dot environment that everything goes to; empty for production.",
        "schema": {"type": ["string", "null"]},
    },
    "timeout": {
        "label": "Timeout",
        "description": "Seconds that one request may take.",
        "schema": {"type": ["integer", "null"], "default": 60, "minimum": 1},
    },
    # Airflow blanks out the values of all fields whose name contains "token", so it must not.
    "key_header": {
        "label": "API token's header",
        "description": "X-API-KEY for today's Dot; API-KEY for an older self-hosted one.",
        "schema": {"type": ["string", "null"], "enum": ["X-API-KEY", "API-KEY"], "default": "X-API-KEY"},
    },
    "url_auth_user": {
        "label": "User for URL authentication",
        "description": (
            "Only for a self-hosted Dot whose sync, import and export know no header: the e-mail of the token's user. "
            "The token then stands in URLs, which access logs keep."
        ),
        "schema": {"type": ["string", "null"], "format": "email"},
    },
    "allow_http": {
        "label": "Allow http",
        "description": (
            "Accept an http:// URL of another machine, such as the sandbox's container. The token then travels "
            "unencrypted."
        ),
        "schema": {"type": ["boolean", "null"], "default": False},
    },
}
