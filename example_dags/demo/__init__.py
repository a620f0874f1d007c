"""The main job on real parts: dbt, Airflow and Dagster against Dot or its sandbox. Run it with ``make demo``."""
