"""The stream layer's contract, behaviour by behaviour, in a real proxy with real sockets."""
