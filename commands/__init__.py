"""The verbs of the command line, one file each; ``service.py`` names them and hands them what was built."""
