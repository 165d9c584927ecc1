"""Tests of certificates of origin."""
