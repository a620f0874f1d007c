"""Chat ids that name the work, so that whoever does the work again finds what was done before."""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.UUID("5b0c9d0e-6f0d-5f55-9a51-2d1a5d1f4d07")


def chat_id_for(*identity: object) -> str:
    """Return the chat id for a piece of orchestrated work: a uuid5 of what identifies it, the same on every machine.

    Args:
        identity: in Airflow the DAG, run, task, map index and ``max_tries``; in Dagster root run, step and partition.
    """
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(str(part) for part in identity)))


def generation(chat_id: str, number: int) -> str:
    """Return the id under which a question is asked after ``number`` of its predecessors failed; 0 is the id itself."""
    return chat_id if number == 0 else chat_id_for(chat_id, number)
