"""Running strangers' model files so that an accident in one of them stays in it.

Every target is imported, built and traced in a process of its own, with a limit on its time, its memory, its output and
its processes. What it starts is ended with it; what it answers is looked over before it is believed. This contains
accidents, it is no sandbox: a file that means harm can still write where the user can write, or use the network.

``pool`` (the caller) starts one *server* per job at a time, which imports torch once; for each target the server forks a
*supervisor*, and that the *worker* which runs the file.
"""

from rfkit.isolation.jobs import Job, Traced
from rfkit.isolation.pool import trace_all

__all__ = ["Job", "Traced", "trace_all"]
