"""Between a command and who started it: streams, progress, Ctrl-C, errors and exit statuses."""
