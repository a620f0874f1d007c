"""Suites of questions with expected answers from the warehouse, and what is reported of their runs.

The suite, its SQL and the reports know no orchestrator, nor how a connection is opened. The calls, the run and the
gate are ``dot_provider.api``'s, which knows of a suite only what it sends.
"""
