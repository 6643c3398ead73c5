"""Random numbers as scalar functions, one text for every device.

In come a key, a counter and parameters of a distribution. Out come draws: one for each counter
(`philox`), or one of as many words as it takes (`samples`).
"""
