"""The windows: web pages, JSON API, live feed."""
