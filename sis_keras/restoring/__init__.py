"""From weights or an export to restored pictures of any size."""
