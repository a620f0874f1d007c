"""dbt exposures: which dashboards read which dbt models, told by the names in their descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_MODELS_WITHOUT_MANIFEST = ("customers", "orders")


def models_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of the models in a dbt manifest, sorted; two of a shop when there is none."""
    nodes = manifest.get("nodes", {}).values()
    names = {node["name"] for node in nodes if node.get("resource_type") == "model"}
    return sorted(names) or list(_MODELS_WITHOUT_MANIFEST)


def found(assets: Mapping[str, dict[str, Any]], models: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return ``exposures`` for the assets that name a model, and the others as ``apps_without_dbt_models``."""
    exposures, others = [_review(models)], []
    for id_, asset in sorted(assets.items()):
        named = _named(asset, models)
        if named:
            exposures.append(_exposure(id_, asset, named))
        else:
            others.append({"id": id_, "name": asset.get("name") or id_})
    return {"exposures": exposures, "apps_without_dbt_models": others}


def as_yaml(exposures: list[dict[str, Any]]) -> str:
    """Write ``exposures.yml``; strings are quoted as JSON, which YAML reads the same."""
    lines = ["version: 2", "", "exposures:"]
    for exposure in exposures:
        for position, (key, value) in enumerate(exposure.items()):
            lead = "  - " if position == 0 else "    "
            if key == "owner":
                lines += [f"{lead}owner:", *(f"      {k}: {json.dumps(v)}" for k, v in value.items())]
            elif key == "depends_on":
                lines += [f"{lead}depends_on:", *(f"      - {ref}" for ref in value)]
            else:
                lines.append(f"{lead}{key}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _review(models: list[str]) -> dict[str, Any]:
    read = [model for model in models if "order" in model] or models
    return {
        "name": "dot_weekly_review",
        "label": "Weekly review",
        "type": "application",
        "description": "Questions that are asked of Dot each week.",
        "owner": {"name": "Dot", "email": "dot@sandbox.example"},
        "depends_on": [f"ref('{model}')" for model in read],
    }


def _exposure(id_: str, asset: dict[str, Any], models: list[str]) -> dict[str, Any]:
    exposure = {
        "name": "dot_" + re.sub(r"\W+", "_", id_).strip("_").lower(),
        "label": asset.get("name") or id_,
        "type": "dashboard",
        "description": asset.get("description") or "",
        "owner": {"name": "Dot", "email": "dot@sandbox.example"},
        "depends_on": [f"ref('{model}')" for model in models],
    }
    return {**exposure, "url": asset["url"]} if asset.get("url") else exposure


def _named(asset: dict[str, Any], models: list[str]) -> list[str]:
    fields = ("name", "description", "dot_description")
    words = set(re.findall(r"\w+", " ".join(asset.get(field) or "" for field in fields).lower()))
    return [model for model in models if model.lower() in words]
