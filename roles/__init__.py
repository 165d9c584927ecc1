"""The composition: which parts run in one process. A file per role, and beside them the parts they share."""
