"""The data set that (EU) 2024/1364 asks of a data centre for each calendar year.

``items`` is the one table of what is asked, ``item`` checks a value on entry. ``measured`` takes from the
figures what meters tell, ``declared`` keeps what people say, ``data_set`` puts both together, derives the
indicators and names what is missing and what cannot be; ``files`` writes it, ``desk`` does all of it.
"""
