"""What ``dg scaffold defs`` writes: files that run as they are, with environment references for what is secret.

Each component says its options as data: a name with a default, or with a type and a default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

import dagster as dg
from click import ClickException
from pydantic import BaseModel, StringConstraints, ValidationError, create_model, model_validator
from typing_extensions import Self

from dagster_dot.components.schema import CRON, WEB_ADDRESS
from dot_provider.api.settings import checked_origin

Component = TypeVar("Component", bound=type[Any])
Options = Mapping[str, Any]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]
WebAddress = Annotated[str, StringConstraints(pattern=WEB_ADDRESS)]
Cron = Annotated[str, StringConstraints(pattern=CRON)]

MY_CONNECTION = "my_connection"
SCHEDULE: Options = {"schedule": (Cron, "0 6 * * *")}
CONNECTION: Options = {
    "token_variable": (Variable, "DOT_API_TOKEN"),
    "region": (Literal["us", "eu"] | None, None),
    "base_url": (Text | None, None),
}
"""Options that say how Dot is reached."""


def in_project(path: str) -> str:
    """Return how a path is written in YAML: an absolute one as it is, another from the project's root."""
    return path if PurePath(path).is_absolute() else f"{{{{ context.project_root }}}}/{path}"


def connection(made: Any) -> dict[str, Any]:
    """Return how Dot is reached, with the token as a reference, from the options of ``CONNECTION``."""
    given = {"base_url": made.base_url, "region": made.region or (None if made.base_url else "us")}
    return {"api_token": env_reference(made.token_variable), **{name: one for name, one in given.items() if one}}


def env_reference(variable: str) -> str:
    """Return the template that stands for an environment variable."""
    return f"{{{{ env.{variable} }}}}"


class Params(BaseModel):
    """The options that a person gave to ``dg scaffold defs``."""

    component: ClassVar[Any] = None
    make: ClassVar[Callable[[Any], dict[str, Any]] | None] = None
    checked: ClassVar[bool] = True

    @property
    def attributes(self) -> dict[str, Any]:
        """What stands in the YAML."""
        make = type(self).make
        return make(self) if make else self.model_dump(exclude_none=True)

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_what_the_component_refuses(cls, options: Any, read: Callable[[Any], Self]) -> Self:
        # dg prints a ClickException as it is, and the errors of pydantic as its JSON.
        try:
            given: Any = read(options)
            if "base_url" in cls.model_fields:
                checked_origin(given.base_url, given.region)
            if cls.checked:
                context = dg.ResolutionContext.default().with_scope(context=SimpleNamespace(project_root="."))
                cls.component.resolve_from_model(context, cls.component.model()(**given.attributes))
        except ValidationError as error:
            raise WrongOptionError("\n".join(map(_sentence, error.errors()))) from None
        except Exception as error:  # also of Dagster's own kinds, which hold ours
            raise WrongOptionError(str(error.__cause__ or error)) from error
        return cast(Self, given)


class WrongOptionError(ClickException):
    """An option of ``dg scaffold defs`` that is refused, in a sentence that names it."""


_MUST_BE = {"schedule": "a cron schedule such as '0 6 * * *'", "variable": "the name of an environment variable"}


def _sentence(error: Any) -> str:
    """Return an error of pydantic's as one of ours."""
    name = str(error["loc"][0])
    words = error.get("ctx", {}).get("expected") or _MUST_BE.get(name.rpartition("_")[2])
    words = words or ("a number" if error["type"].startswith("float") else "a text that is not empty")
    return f"{name} must be {words}, not {str(error['input'])[:40]!r}."


def dot_component(
    label: str,
    *,
    scaffold: Options,
    attributes: Callable[[Any], dict[str, Any]] | None = None,
    checked: bool = True,
) -> Callable[[Component], Component]:
    """Return the decorator that puts a component into Dagster's form and catalog, and lets ``dg`` scaffold it.

    Args:
        label: its name in the form.
        scaffold: the options of ``dg scaffold defs``, by name.
        attributes: makes the YAML of them; by default each is a field of the component.
        checked: False where the component can be made in its project only, such as that of a dbt project on disk.
    """

    def decorate(component: Component) -> Component:
        component.label = label
        # dg shows this text for --help; of options it knows no more than their names.
        shown = ", ".join(f"--{name.replace('_', '-')} ({_choices(option)})" for name, option in scaffold.items())
        component.__doc__ = f"{component.__doc__}\n\n    Options of dg scaffold defs: {shown}.\n    "

        class DotScaffolder(dg.Scaffolder[Any]):
            @classmethod
            @cache
            def get_scaffold_params(cls) -> type[Params]:
                # Made when it is asked for: most processes import a component and never scaffold one.
                fields: Any = {name: one if isinstance(one, tuple) else (Text, one) for name, one in scaffold.items()}
                params = create_model(f"{component.__name__}Params", __base__=Params, **fields)
                params.component, params.make, params.checked = component, attributes, checked
                return params

            def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
                given = request.params if isinstance(request.params, Params) else self.get_scaffold_params()()
                dg.scaffold_component(request, given.attributes)
                _require(request, sorted(value for name, value in given if name.endswith("_variable")))

        return dg.scaffold_with(DotScaffolder)(component)

    return decorate


def _require(request: dg.ScaffoldRequest[Any], variables: list[str]) -> None:
    """Name the environment variables for ``dg check yaml --validate-requirements``, which Dagster does not do."""
    if variables and request.scaffold_format == "yaml":
        file = request.target_path if request.append else Path(request.target_path) / "defs.yaml"
        with file.open("a", encoding="utf-8") as text:
            text.write("requirements:\n  env:\n" + "".join(f"    - {name}\n" for name in variables))


def _choices(option: Any) -> str:
    """Say what an option is without a value, or what it may be."""
    kind, default = option if isinstance(option, tuple) else (str, option)
    words = re.findall(r"'(\w+)'", str(kind)) if "Literal" in str(kind) else []
    return " or ".join(words) or str(default or "optional")
