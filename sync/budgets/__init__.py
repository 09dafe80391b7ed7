"""What each connection may still call: paced, shared by priority, kept over a restart, forecast."""

from sync.budgets.budget import MemoryBudget

__all__ = ["MemoryBudget"]
