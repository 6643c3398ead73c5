"""From a Program, a loop nest as plain data, to the readable source of a kernel."""
