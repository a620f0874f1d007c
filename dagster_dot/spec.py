"""What every asset of Dot's takes besides its own arguments, and the spec that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import dagster as dg
from typing_extensions import TypedDict, Unpack

from dot_provider.api import DotUsageError

GROUP = "dot"
_KIND = "dot"
_LONGEST_NAME = 60


class StepOptions(TypedDict, total=False):
    """How the step runs; all optional.

    Attributes:
        retry_policy: how often, and how long after a failure, Dagster tries again. Where Dot says when to come back,
            its word counts instead of the policy's delay.
        pool: concurrency pool of the step.
        resource_key: where the ``DotResource`` is found; ``dot`` by default.
    """

    retry_policy: dg.RetryPolicy
    pool: str
    resource_key: str


class GraphOptions(StepOptions, total=False):
    """How the step runs, and fields of ``AssetSpec`` that are handed on as they are; all optional.

    Attributes:
        deps: assets that must be there first.
        metadata: metadata of the definition.
        group_name: group in the asset graph; ``dot`` by default.
        code_version: version of the code behind the asset.
        owners: e-mail addresses or ``team:<name>``.
        tags: tags of the asset.
        kinds: kinds shown on its node, besides ``dot``.
        automation_condition: when Dagster materializes it by itself.
        partitions_def: its partitions.
    """

    deps: Iterable[Any]
    metadata: Mapping[str, Any]
    group_name: str
    code_version: str
    owners: Sequence[str]
    tags: Mapping[str, str]
    kinds: set[str]
    automation_condition: dg.AutomationCondition[Any]
    partitions_def: dg.PartitionsDefinition[Any]


class AssetOptions(GraphOptions, total=False):
    """The options of ``GraphOptions`` and those that only a single asset can have.

    Attributes:
        name: the last part of the asset's key, under ``dot``; each factory has a default.
        key: the whole key instead.
        description: what the asset page says.
    """

    name: str
    key: dg.AssetKey | str | Sequence[str]
    description: str


_NO_FIELDS = {"name", *StepOptions.__annotations__}


def asset_spec(default_key: Sequence[str], default_description: str, **options: Unpack[AssetOptions]) -> dg.AssetSpec:
    """Return the spec of one of Dot's assets: the defaults, and what the user wrote instead.

    Raises:
        DotUsageError: one of the options is none of ``AssetOptions``.
    """
    check_options(options, AssetOptions)
    fields: dict[str, Any] = {"group_name": GROUP, "description": default_description}
    fields |= {name: value for name, value in options.items() if name not in _NO_FIELDS}
    fields |= {"key": _key(default_key, options), "kinds": {_KIND, *(options.get("kinds") or ())}}
    return dg.AssetSpec(**fields)


def check_options(options: Iterable[str], known: type) -> None:
    """Refuse an option that is none of a typed dictionary's, which Python does not do.

    Raises:
        DotUsageError: names it, and the one that was probably meant.
    """
    names: list[str] = sorted(known.__optional_keys__)  # type: ignore[attr-defined]
    for name in options:
        if name not in names:
            meant = get_close_matches(name, names, 1)
            hint = f"did you mean {meant[0]}?" if meant else f"the options are {', '.join(names)}."
            raise DotUsageError(f"{name} is neither an argument nor an option here; {hint}")


def cleaned(text: str) -> str:
    """Return ``text`` as a part of an asset key or step name: letters, digits and underscores, not too long."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower()
    return name[:_LONGEST_NAME].rstrip("_") or "unnamed"


def plain(value: Any) -> Any:
    """Return the value of a metadata entry, whether Dagster has wrapped it or not."""
    return getattr(value, "value", value)


def _key(default: Sequence[str], options: AssetOptions) -> dg.AssetKey:
    key = options.get("key", ["dot", options["name"]] if "name" in options else default)
    if isinstance(key, str):
        return dg.AssetKey.from_user_string(key)
    return key if isinstance(key, dg.AssetKey) else dg.AssetKey(list(key))
