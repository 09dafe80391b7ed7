"""One matcher: how likely two records are one person, by evidence that is weighed field by field. Pure.

``person`` makes values comparable, ``levels`` says how alike two of them are, ``blocking`` which pairs are
worth a look, ``model`` weighs, ``learning`` finds the weights in the pairs themselves.
"""
