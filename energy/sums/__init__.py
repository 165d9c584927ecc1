"""From intervals to sums: what a site used, how it was covered, and what its figures are divided from.

- ``sheet``, ``line``: the ledger of some days in arrays, and its registers as they are read.
- ``balance``: what went into a site and where it went, per quarter-hour; ``claims``: what it may claim of
  its supplies.
- ``battery``, ``storage``, ``overflow``: what batteries took and gave, where that came from, and what they
  cannot have held.
- ``matching``: each hour's load against what the rungs of the ladder gave.
- ``gridmix``: the mix and the factors of the grid, per quarter-hour; ``hall``: partial PUE.
- ``splice``, ``growth``: eras of different meters as one account, and what of it an earlier one still tells.
- ``summed``: what some quarters add up to, in a form that adds up to more.
- ``columns``, ``totals``, ``covered``, ``share_out``: what is summed per quarter-hour, and the sums of a
  step.
- ``estimates``, ``basis``: how much was never measured, and how well the inputs of one figure are known.
"""
