"""Workload accounts: what every job, project and tenant cost in energy and carbon, and what nobody had.

``book`` follows the journal and writes events of jobs down; ``spans`` makes of them who ran on what and when.
``pieces`` is the energy of GPUs over time, ``claims`` whose it was, ``share`` cuts a site's interval so that
nothing is left over. ``accountant`` does this for every settled interval, ``statement`` reads it back.
"""
