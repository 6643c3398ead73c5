"""Replicas: many independent trainings by one compiled step.

In come a recording, and how the replicas begin. Out come as many trainings at once: memory of their
own for all that the step changes, what Python counts of each, chunks of steps on all cores, and any
replica's state, put back into the modules and optimizers of the step.
"""

from __future__ import annotations

from .replicas import Replicas as Replicas, replicate as replicate
