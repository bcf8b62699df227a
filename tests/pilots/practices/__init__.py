"""Tests of practices, their effects and copies."""
