"""``dagster_dot.DotUsersComponent``: users, roles and groups as a file of the project says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import dagster as dg

from dagster_dot.asset_factory import Materialize
from dagster_dot.components.base import Catalog, DotAssetComponent
from dagster_dot.components.hints import field
from dagster_dot.components.scaffolding import UsersParams, scaffolded_by
from dagster_dot.users import managing, users_spec


@scaffolded_by(UsersParams)
class DotUsersComponent(DotAssetComponent):
    """Keeps users, roles and groups as listed. Reports what it would do, until ``dry_run`` is false."""

    catalog: ClassVar = Catalog("Dot: keep users", "Keeps users, roles and groups of Dot's as a list says.")

    users: Annotated[
        Sequence[Mapping[str, Any]],
        field(
            "People, each with email, and if they are to be set role (admin, modeler or user) and groups.",
            examples=[[{"email": "ada@shop.example", "role": "modeler", "groups": ["finance"]}]],
        ),
    ]
    dry_run: Annotated[bool, field("False to make the changes.")] = True
    remove_users: Annotated[bool, field("True to remove people who are not listed; never the token's own user.")] = (
        False
    )
    remove_from_groups: Annotated[
        bool, field("True to take listed people out of groups that their row does not name.")
    ] = False

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/users`` by default."""
        return users_spec(**self.asset_options)

    def get_step(self) -> Materialize:
        """Return what compares, and changes what differs."""
        return managing(self.get_asset_spec().key, **self.arguments(managing))
