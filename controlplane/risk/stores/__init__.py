"""Settings of queues and caches: what is kept, how long, in how many copies, under which name."""
