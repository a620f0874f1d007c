"""A Dagster code location: the shop's dbt project, and Dot downstream of it."""
