"""Models, read: as native fits of functions that are kept by what they say, and out of text."""
