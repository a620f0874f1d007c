"""Letting Airflow know of a DAG that stands in no file."""

from __future__ import annotations

from typing import Any


def register(dag: Any) -> None:
    """Write a DAG into the metadata database, as the DAG processor does for files."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="tests"))
        session.flush()
        lazy = LazyDeserializedDAG.from_dag(dag)
        SerializedDAG.bulk_write_to_db("tests", None, [lazy], session=session)
        SerializedDagModel.write_dag(lazy, "tests", session=session)
