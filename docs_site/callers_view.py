"""Shows the API reference what a caller of the code sees, where reading the source does not tell.

`ask = Endpoint(_ask.ask)` is an attribute to a tool that reads source without running it: here it becomes the method of
the clients, with the result in the place of the `Call` or `Flow`. A field of a component is described in its
annotation, `Annotated[str, text("What to ask.")]`, or by `Field(description=...)`: here that becomes its docstring.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from griffe import (
    Attribute,
    Class,
    Docstring,
    ExprAttribute,
    ExprCall,
    ExprKeyword,
    ExprSubscript,
    ExprTuple,
    Extension,
    Function,
    Module,
    Object,
    Parameter,
    ParameterKind,
    Parameters,
)

SEVERAL = re.compile(r"^(    )((?:\w+, )+)(\w+): ", re.MULTILINE)
"""Several arguments in one line of a docstring."""


class CallersView(Extension):
    """Turns the table of endpoints into methods, and descriptions of fields into docstrings."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Read `Example:` and lines such as `username, password: ...` as Google's style has them."""
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = SEVERAL.sub(_one_by_one, text)

    def on_attribute(self, *, attr: Attribute, **_: Any) -> None:
        """Give a field the description in its annotation or default as docstring."""
        annotation, described = attr.annotation, attr.value
        if isinstance(annotation, ExprSubscript) and isinstance(annotation.slice, ExprTuple):
            first, *rest = annotation.slice.elements
            if str(annotation.left) == "Annotated" and rest:
                attr.annotation, described = first, rest[0]
        if attr.docstring is None and isinstance(described, ExprCall) and (text := _text_of(described)):
            attr.docstring = Docstring(text, parent=attr)
            if described is attr.value:
                attr.value = _argument(described, "default")

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Give a pydantic model the arguments that its fields are."""
        if any(str(base) == "BaseModel" for base in cls.bases) and "__init__" not in cls.members:
            fields = [
                Parameter(name, annotation=field.annotation, default=_default(field), kind=ParameterKind.keyword_only)
                for name, field in cls.attributes.items()
                if field.annotation and not name.startswith("_") and "property" not in field.labels
            ]
            this = Parameter("self", kind=ParameterKind.positional_or_keyword)
            made = Function(
                "__init__", parameters=Parameters(this, *fields), lineno=cls.lineno, endlineno=cls.endlineno
            )
            cls.set_member("__init__", made)

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Replace each `Endpoint` in the table once all modules are read."""
        if pkg.name != "dot_provider":
            return
        table = pkg["api.endpoints.Endpoints"]
        for name, attribute in list(table.members.items()):
            value = attribute.value
            if isinstance(value, ExprCall) and str(value.function) == "Endpoint":
                made = value.arguments[0]
                assert isinstance(made, ExprAttribute)
                table.set_member(name, _method(name, table, pkg[made.canonical_path.partition(".")[2]]))


def _one_by_one(several: re.Match[str]) -> str:
    indent, others, last = several.groups()
    return "".join(f"{indent}{name}: see `{last}`.\n" for name in others.split(", ")[:-1]) + f"{indent}{last}: "


def _argument(call: ExprCall, name: str) -> Any:
    """Return the value of an argument by name, or None."""
    found = (one.value for one in call.arguments if isinstance(one, ExprKeyword) and one.name == name)
    return next(found, None)


def _default(field: Attribute) -> Any:
    """Return a field's default, also where it stands in `Field(default=...)`."""
    is_call = isinstance(field.value, ExprCall) and str(field.value.function) == "Field"
    return _argument(field.value, "default") if is_call else field.value


def _text_of(call: ExprCall) -> str | None:
    """Return the call's `description`, or its first argument, where that is a text."""
    described = _argument(call, "description") or next(iter(call.arguments), None)
    try:
        text = ast.literal_eval(str(described))
    except (SyntaxError, ValueError):
        return None
    return text if isinstance(text, str) else None


def _method(name: str, table: Class, made: Function) -> Function:
    returns = made.returns
    if isinstance(returns, ExprSubscript) and str(returns.left) in ("Call", "Flow"):
        returns = returns.slice
    this = Parameter("self", kind=ParameterKind.positional_or_keyword)
    method = Function(
        name,
        parameters=Parameters(this, *made.parameters),
        returns=returns,
        lineno=made.lineno,
        endlineno=made.endlineno,
    )
    method.docstring = made.docstring
    if method.docstring:
        method.docstring.parent = method
    method.parent = table
    return method
