"""What a block's threads do with the places of one loop, whether in one block or in many.

In come the groups of a plan. Out comes source: which thread does which place (`sharing`), what it
does there (`places`), how results meet (`meeting`), and where threads have to wait (`hazards`).
"""
