"""``@task.dot_ask``, which Airflow finds by the provider's registration."""
