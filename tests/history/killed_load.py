"""Load conversations and die by SIGKILL at the n-th statement sent to the warehouse, counted over the whole load.

The borders of the transaction count as statements. Arguments: destination, credentials, n (0: live, and print how many
statements there were), and anything at all to let dlt stage the rows.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.impl.sqlalchemy.db_api_client import SqlalchemyClient

from dot_provider.history import fast_staging, load_history
from dot_provider.history.dlt_adapter import Warehouse

AFTER = [
    {"chat_id": f"c{n}", "title": "after", "messages": [{"content": "after"} for _ in range(n % 3)]} for n in range(50)
]

if __name__ == "__main__":
    destination, credentials, deadly = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if len(sys.argv) > 4:
        fast_staging.WAREHOUSES.clear()
    seen = 0

    def count() -> None:
        global seen
        seen += 1
        if seen == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    clients: Any = {"duckdb": DuckDbSqlClient, "postgres": Psycopg2SqlClient, "sqlite": SqlalchemyClient}
    client = clients[destination]
    warehouse: Any = fast_staging.WAREHOUSES.get(destination, Warehouse)
    execute_query, run, transaction = client.execute_query, warehouse.run, warehouse.transaction

    def counted_query(self: Any, *args: Any, **kwargs: Any) -> Any:
        count()
        return execute_query(self, *args, **kwargs)

    def counted_run(self: Any, *args: Any) -> Any:
        count()
        return run(self, *args)

    @contextmanager
    def counted_transaction(self: Any) -> Iterator[None]:
        with transaction(self):
            yield
            count()
        count()

    client.execute_query = counted_query
    warehouse.run, warehouse.transaction = counted_run, counted_transaction
    load_history(AFTER, destination=destination, credentials=credentials)
    print(seen)
