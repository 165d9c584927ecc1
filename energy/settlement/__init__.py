"""From readings to the ledger: which intervals are open, what their registers say, and their revisions.

- ``marker``, ``due``: which intervals readings opened, and what there is to settle.
- ``ledger``: settles it; ``readings``: what the store holds around it.
- ``account``, ``registers``, ``integration``: intervals of a device, by register or by power.
- ``doubt``, ``noted``: how far an error reaches, and what is written down of it already.
- ``revisions``: appends what has changed.
"""
