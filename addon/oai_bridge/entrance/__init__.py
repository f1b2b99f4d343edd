"""Who may come in: pages, programs and strangers, before anything is read of what they send."""
