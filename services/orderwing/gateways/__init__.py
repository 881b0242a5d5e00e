"""Effects at the edge: workers that ask the outside and bring its answers back."""
