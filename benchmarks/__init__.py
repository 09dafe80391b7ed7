"""What docs/performance.md claims, measured: ``python -m benchmarks``."""
