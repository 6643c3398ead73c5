"""Losses: of classes, of margins, of numbers and distributions, of distances in pairs and triplets.

In come what a network gives and what it should have given. Out comes how far they are apart, as
`reduction` says: one number, their sum, or each.
"""
