"""The configuration as a fact: what a site consisted of is known from a moment on, and a change has a cause.

``recorded``   a site's plans, and as of when each of its quarters is known: what its eras follow from
``altered``    where two accounts of one site differ, and in what, in words
``noting``     the cause of a plan that says otherwise of settled quarters
"""
