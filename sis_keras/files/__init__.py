"""Pictures and videos: what is on disk to arrays and back."""
