"""The state store and the two queues; the only room with SQL."""
