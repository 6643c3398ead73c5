"""From a Trace to a Plan: `lower` finds values and tasks, `schedule` puts them into groups."""
