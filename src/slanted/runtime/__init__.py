"""The process: backend, start-up, memory, signals, random state, and every process-wide patch."""
