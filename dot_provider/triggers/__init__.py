"""Waiting in Airflow's triggerer. Triggers only read, and know nothing but ids and times."""
