"""Airflow sensors that wait for work in Dot that others have started."""

from __future__ import annotations

from dot_provider.sensors.answer import DotAnswerSensor
from dot_provider.sensors.evaluation import DotEvaluationSensor

__all__ = ["DotAnswerSensor", "DotEvaluationSensor"]
