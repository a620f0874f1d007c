"""``dagster_dot.DotNoteComponent``: written knowledge that Dot reads before it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg

from dagster_dot.components.asset import DotAssetComponent
from dagster_dot.components.hints import form, type_spec
from dagster_dot.components.scaffolding import NoteScaffolder
from dagster_dot.components.texts import text
from dagster_dot.note import note_spec, writing

if TYPE_CHECKING:
    from dot_provider.api import DotClient


@dg.scaffold_with(NoteScaffolder)
class DotNoteComponent(DotAssetComponent):
    """Keeps a note of Dot's in step with the text in this project."""

    title: Annotated[str, text("title", "The note's title, which identifies it.", examples=["Revenue"])]
    markdown: Annotated[str, text("markdown", "The note's text.", multiline=True)]

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Keeps a note that Dot reads before it answers.", "asset")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: keep a note")

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/<words of the title>`` by default."""
        return note_spec(self.title, **self.asset_options)

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Create the note, or replace it where its text changed."""
        yield from writing(self.get_asset_spec().key, self.title, self.markdown)(context, client)
