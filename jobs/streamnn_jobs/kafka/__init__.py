"""Jobs that read and write Kafka: each partition a deterministic scan, its place and outputs in one transaction."""
