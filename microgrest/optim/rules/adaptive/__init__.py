"""Rules with a step size for each element, by the sizes of the gradients that it has had.

In come parameters with gradients. Out come the parameters, changed, and what the rule remembers.
"""
