"""What is told of ended requests: log, metrics and traces."""
