"""InfluxDB and those that speak its line protocol: lines, answers, dialects, queries."""
