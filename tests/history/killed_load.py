"""Load conversations and die by SIGKILL at the n-th statement sent to the warehouse, counted over the whole load.

Arguments: destination, credentials, n (0: live, and print how many statements there were).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from dot_provider.history import load_history

AFTER = [
    {"chat_id": f"c{n}", "title": "after", "messages": [{"content": "after"} for _ in range(n % 3)]} for n in range(50)
]

if __name__ == "__main__":
    destination, credentials, deadly = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client: Any = {"duckdb": DuckDbSqlClient, "postgres": Psycopg2SqlClient}[destination]
    execute_query, commit = client.execute_query, client.commit_transaction
    seen = 0

    def count() -> None:
        global seen
        seen += 1
        if seen == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted_query(self: Any, *args: Any, **kwargs: Any) -> Any:
        count()
        return execute_query(self, *args, **kwargs)

    def counted_commit(self: Any) -> None:
        count()
        commit(self)

    client.execute_query, client.commit_transaction = counted_query, counted_commit
    load_history(AFTER, destination=destination, credentials=credentials)
    print(seen)
