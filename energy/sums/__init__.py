"""What is summed of a site, and what a figure that is made of such sums rests on.

- ``columns``: what is summed per quarter-hour.
- ``estimates``: how much of them was never measured.
- ``overflow``: what batteries took beyond what their declared losses and capacity explain.
- ``basis``: how well the inputs of one figure are known.
"""
