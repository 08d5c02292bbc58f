"""The clusters that exercises are proved on."""

from clusters import cluster  # noqa: F401  (a fixture)
