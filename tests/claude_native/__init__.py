"""Requests in Anthropic's own words: changed as the cloud demands, with what stands at a URL put in its place."""
