"""From a Plan to the source of a module for the CPU."""
