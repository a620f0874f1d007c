"""Dot (getdot.ai) for Dagster."""
