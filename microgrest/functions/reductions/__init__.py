"""Many elements to one, or to as many in order: folds, scans, statistics, comparisons."""
