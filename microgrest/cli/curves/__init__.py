"""`fit --model`: a formula or a ready model fitted to columns of a file, once or once a group."""
