"""What a stage is: pure decisions over rows, and the identity of their outputs. Knows no Kafka and no clock."""
