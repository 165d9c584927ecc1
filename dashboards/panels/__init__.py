"""View-models: what each page shows, computed without a word of HTTP, shared with the API."""
