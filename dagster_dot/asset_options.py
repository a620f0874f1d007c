"""What every asset of Dot's takes besides its own arguments, and the spec that follows from it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import dagster as dg
from typing_extensions import TypedDict, Unpack

from dot_provider.api import DotUsageError
from dot_provider.api.arguments import hint_at

GROUP = "dot"
_KIND = "dot"
_LONGEST_NAME = 60


class StepOptions(TypedDict, total=False):
    """How the step runs; all optional.

    Attributes:
        retry_policy: how often, and how long after a failure, Dagster tries again. Where Dot says when to come back,
            its word counts instead of the policy's delay.
        pool: concurrency pool of the step.
        op_tags: tags of the step, such as those that size its pod.
        resource_key: where the ``DotResource`` is found; ``dot`` by default.
    """

    retry_policy: dg.RetryPolicy
    pool: str
    op_tags: Mapping[str, Any]
    resource_key: str


class GraphOptions(StepOptions, total=False):
    """How the step runs, and fields of ``dagster.AssetSpec`` that are handed on to it; all optional.

    ``group_name`` is ``dot`` by default, and ``kinds`` are shown besides ``dot``.

    Attributes:
        backfill_policy: how a backfill spreads its partitions over runs.
    """

    backfill_policy: dg.BackfillPolicy
    freshness_policy: dg.FreshnessPolicy
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


_NO_FIELDS = {"name", "backfill_policy", *StepOptions.__optional_keys__}


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
            hint = hint_at(name, names, "the options are")
            raise DotUsageError(f"{name} is neither an argument nor an option here; {hint}")


def clean_name(text: str) -> str:
    """Return ``text`` as a part of an asset key or step name: ASCII letters, digits and underscores, not too long.

    Accents are left out. Where more than spaces and punctuation would be lost (other alphabets, signs such as ``>`` or
    ``+``, the end of a long text, everything), a digest is added, so that different texts do not get one name.
    """
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    name = re.sub(r"\W+", "_", letters, flags=re.ASCII).strip("_").lower()
    if name and len(name) <= _LONGEST_NAME and not re.search(r"[^\W\x00-\x7f]|[<>=+%$*^~|\\]|(?:^|\s)-\d", letters):
        return name
    return f"{name[: _LONGEST_NAME - 9].rstrip('_') or 'unnamed'}_{_digest(text)}"


def distinct_names(texts: Sequence[str]) -> list[str]:
    """Return a name as ``clean_name`` makes it for each text, no two alike.

    Of texts that would have one name, the one that is this name keeps it; others get a digest, so that the names do not
    depend on the order, and a text that comes twice a number.
    """
    alike = Counter(map(clean_name, texts))
    names: list[str] = []
    for text in texts:
        name = clean_name(text)
        if alike[name] > 1 and text != name:
            name = f"{name}_{_digest(text)}"
        numbered = (f"{name}_{number}" for number in count(2))
        names.append(name if name not in names else next(one for one in numbered if one not in names))
    return names


def refuse_repetition(field: str, texts: Sequence[str]) -> None:
    """Refuse a list in which a text comes twice."""
    for text, times in Counter(texts).items():
        if times > 1:
            raise DotUsageError(f"{field} names {text!r} twice.")


def plain(value: Any) -> Any:
    """Return the value of a metadata entry, whether Dagster has wrapped it or not."""
    return getattr(value, "value", value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _key(default: Sequence[str], options: AssetOptions) -> dg.AssetKey:
    field = "key" if "key" in options else "name"
    written = options.get("key", ["dot", options["name"]] if "name" in options else default)
    if isinstance(written, str):
        written = dg.AssetKey.from_user_string(written)
    path = written.path if isinstance(written, dg.AssetKey) else written
    if not isinstance(path, Sequence) or not path or not all(map(_is_key_part, path)):
        # Dagster itself takes an empty part, and says of others neither where they stand nor what to write.
        raise DotUsageError(
            f"{field}={options.get(field)!r} makes no asset key: write ASCII letters, digits, '_', '-' and '.', with "
            "other words in description."
        )
    return dg.AssetKey(list(path))


def _is_key_part(part: Any) -> bool:
    return isinstance(part, str) and re.fullmatch(r"[A-Za-z0-9_.-]+", part) is not None
