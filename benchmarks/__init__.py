"""What the performance goals are measured with; see README.md."""
