"""What the energy emits: factor sets, the grid's hours and their versions, and three scopes of figures.

``technology``, ``zones``   production types with their flags, bidding zones with their EIC codes
``factor``, ``library``     factor sets, checked; those that come with Amberwatt and the operator's own
``choice``, ``uses``        which sets a site uses, and since when that is known
``hours``, ``feed``         the mix of every hour of a zone in versions; from telemetry
``entsoe``, ``intake``      documents of the transparency platform, and what is kept of them
``amounts``, ``wholeness``  loads and flows in versions; hours that lack what a zone told lately
``generation``, ``tracing`` from generation to intensity: production-based, consumption-based
``known``                   what is known of an hour, on which basis and by which method
``emission``, ``evidence``  grams per quarter-hour, and the factors that they were made with
"""
