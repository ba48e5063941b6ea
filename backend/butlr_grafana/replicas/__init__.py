"""What several processes share through Redis or Valkey. Without it each goes on alone."""
