"""The version of Amberwatt; the package's metadata and the changelog say the same."""

VERSION = "0.1.0"
