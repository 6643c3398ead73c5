"""The same elements in other shapes, without a copy where that can be."""
