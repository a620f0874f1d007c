"""One pure function per endpoint of Dot: it checks its arguments and returns a ``Call``. No I/O.

These modules are the only place that knows Dot's URLs and shapes; each function names its endpoint.
"""
