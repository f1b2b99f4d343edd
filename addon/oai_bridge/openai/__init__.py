"""The client's side: OpenAI's Chat Completions to and from the internal language."""
