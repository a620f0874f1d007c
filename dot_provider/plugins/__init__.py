"""What Dot adds to Airflow's pages: the tab "Dot answer" on tasks that asked."""
