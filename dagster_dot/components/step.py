"""What the components whose work is one step have in common."""

from __future__ import annotations

from typing import Annotated

import dagster as dg

from dagster_dot.components.asset_fields import Retry
from dagster_dot.components.hints import field
from dagster_dot.resource import RESOURCE_KEY
from dagster_dot.spec import StepOptions


class DotStepComponent(dg.Component, dg.Resolvable, dg.Model):
    """A component that makes one step, of which its users say how it runs."""

    retry: Annotated[Retry | None, field("How often Dagster tries again.", advanced=True)] = None
    pool: Annotated[str | None, field("Concurrency pool of the step.", advanced=True)] = None
    resource_key: Annotated[str, field("Where the DotResource is found.", advanced=True)] = RESOURCE_KEY

    @property
    def step_options(self) -> StepOptions:
        """How the step runs."""
        options: StepOptions = {"resource_key": self.resource_key}
        if self.retry is not None:
            options["retry_policy"] = self.retry.to_policy()
        if self.pool is not None:
            options["pool"] = self.pool
        return options
