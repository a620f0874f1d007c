"""The ``asset``, ``retry`` and ``pool`` of a component in YAML, as the options that the factories take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import dagster as dg
from dagster.components import AssetAttributesModel
from dagster.components.resolved.base import resolve_fields
from dagster.components.resolved.core_models import (
    AssetSpecUpdateKwargs,
    MultiRunBackfillPolicyModel,
    SingleRunBackfillPolicyModel,
    resolve_backfill_policy,
)

_SKIPPED = ("skippable", "key_prefix")


def _resolve_asset(context: dg.ResolutionContext, model: Any) -> dict[str, Any]:
    fields = resolve_fields(model, AssetSpecUpdateKwargs, context)
    if fields.get("key_prefix"):
        raise ValueError("An asset of Dot's takes key, the whole key, instead of key_prefix.")
    given = {name: value for name, value in fields.items() if value and name not in _SKIPPED}
    return {**given, "kinds": set(given["kinds"])} if "kinds" in given else given


AssetFields: TypeAlias = Annotated[
    Mapping[str, Any],
    dg.Resolver(
        _resolve_asset,
        model_field_type=AssetAttributesModel,
        description="Key, dependencies, owners and other fields of the asset.",
        examples=[{"key": "dot/knowledge", "deps": ["orders"], "owners": ["team:data"]}],
    ),
]

Backfill: TypeAlias = Annotated[
    dg.BackfillPolicy,
    dg.Resolver(
        resolve_backfill_policy,
        model_field_type=SingleRunBackfillPolicyModel | MultiRunBackfillPolicyModel,
        description="How a backfill spreads its partitions over runs.",
        examples=[{"type": "multi_run", "max_partitions_per_run": 7}],
    ),
]


class Retry(dg.Resolvable, dg.Model):
    """How often, and how long after a failure, Dagster tries again."""

    max_retries: int = 1
    delay: float | None = None
    backoff: dg.Backoff | None = None

    def to_policy(self) -> dg.RetryPolicy:
        """Return Dagster's form of it."""
        return dg.RetryPolicy(max_retries=self.max_retries, delay=self.delay, backoff=self.backoff)
