"""The way of an answer: from the cloud's bytes to the client's socket."""
