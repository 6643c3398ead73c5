"""Orders: sorts, selections, searches, and what moves by positions."""
